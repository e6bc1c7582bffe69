import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { unpackedFile } from './bounded-unpack.ts';
import { checkGgufFile } from './gguf-file.ts';
import { resolveModelFolder } from './model-folder.ts';
import { checkParquet } from './parquet-bounds.ts';
import { isPickle } from './pickle.ts';
import { openSafetensors } from './safetensors.ts';
import { countParquetRows, openTableFile, readParquetRows, type TableFormat } from './table-file.ts';
import { readTextLines } from './text-lines.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-hostile-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(dir, name), content);
  return join(dir, name);
}

const drain = async (rows: AsyncIterable<unknown>) => {
  let count = 0;
  for await (const _ of rows) count++;
  return count;
};

async function read(path: string, format: TableFormat, maxRowBytes = 100_000): Promise<number> {
  const table = await openTableFile(path, { format, baseDir: dir, maxRowBytes });
  return drain(table.rows({}));
}

describe('gzip', () => {
  it('stops where a file unpacks to many times its size, and reads one that does not', async () => {
    const bomb = await file('zeros.gz', gzipSync(Buffer.alloc(8e6)));
    await expect(drain(unpackedFile(bomb, { freeBytes: 1e5 }))).rejects.toThrow(/unpacks to over 200 times its size/);
    expect(await drain(unpackedFile(bomb))).toBeGreaterThan(0);
    await expect(drain(unpackedFile(bomb, { maxBytes: 1e6 }))).rejects.toThrow(/unpacks to more than/);
    const words = Array.from({ length: 50_000 }, (_, i) => `word ${(i * 7919) % 50_021}\n`).join('');
    expect(await drain(unpackedFile(await file('words.gz', gzipSync(words)), { freeBytes: 0 }))).toBeGreaterThan(0);
  });

  it('guards every reader of packed lines, with bounded memory', async () => {
    // No line is long, but there are many; or one never ends.
    const lines = await file('lines.jsonl.gz', gzipSync(Buffer.alloc(66e6, `${' '.repeat(899)}\n`)));
    await expect(drain(readTextLines(lines, 1000))).rejects.toThrow(ConfigError);
    const endless = await file('endless.jsonl.gz', gzipSync(Buffer.alloc(10e6, ' ')));
    await expect(drain(readTextLines(endless, 1000))).rejects.toThrow(/a line of over/);
  }, 60_000);

  it('says so where the file is broken or missing', async () => {
    await expect(drain(readTextLines(await file('no.gz', 'plain'), 1000))).rejects.toThrow(/not a gzip file/);
    await expect(drain(readTextLines(join(dir, 'missing.gz'), 1000))).rejects.toThrow(/ENOENT/);
  });
});

describe('CSV and JSON lines', () => {
  it.each([
    ['a header without end', `${'a,'.repeat(200_000)}\n1\n`],
    ['a field without end', `q,a\n${'x'.repeat(300_000)},1\n`],
    ['a quote that is never closed', `q,a\n"${'x\n'.repeat(200_000)}`],
  ])('stops at %s', async (what, content) => {
    await expect(read(await file(`${what.slice(2, 6)}.csv`, content), 'csv')).rejects.toThrow(
      /broken CSV: Max Record Size/,
    );
  });

  it('stops at a line without end, and at nesting that breaks a parser', async () => {
    const long = await file('long.jsonl', `{"q":"${'x'.repeat(300_000)}"}\n`);
    await expect(read(long, 'json-lines')).rejects.toThrow(/option maxRowBytes/);
    const deep = await file('deep.jsonl', `${'['.repeat(90_000)}\n`);
    await expect(read(deep, 'json-lines')).rejects.toThrow(ConfigError);
  });

  it('keeps __proto__ of a row a column, and changes no prototype', async () => {
    const path = await file('proto.jsonl', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\n');
    expect(await read(path, 'json-lines')).toBe(1);
    expect(await read(await file('proto.csv', '__proto__,constructor\n1,2\n'), 'csv')).toBe(1);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('Parquet', () => {
  const good = () =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'question', data: Array.from({ length: 500 }, (_, i) => `question ${i % 7}`) },
          { name: 'n', data: Array.from({ length: 500 }, (_, i) => i) },
        ],
      }),
    );
  const buffer = (bytes: Uint8Array) => ({
    byteLength: bytes.length,
    slice: (from: number, to = bytes.length) => bytes.slice(from, to).buffer as ArrayBuffer,
  });

  it('reads what is right', async () => {
    expect(await drain(readParquetRows(buffer(good()), 'x', {}))).toBe(500);
    expect(await countParquetRows(buffer(good()), 'x')).toBe(500);
  });

  it.each<[string, (metadata: ReturnType<typeof parquetMetadata>) => void]>([
    ['rows that no group has', (m) => Object.assign(m, { num_rows: 10n ** 15n })],
    [
      'groups of billions of rows',
      (m) => {
        m.num_rows = 10n ** 12n;
        (m.row_groups[0] as { num_rows: bigint }).num_rows = 10n ** 12n;
      },
    ],
    ['negative rows', (m) => Object.assign(m.row_groups[0] ?? {}, { num_rows: -1n })],
    [
      'a column beyond the file',
      (m) => Object.assign(m.row_groups[0]?.columns[0]?.meta_data ?? {}, { total_compressed_size: 10n ** 9n }),
    ],
    [
      'a column before the file',
      (m) => {
        const c = m.row_groups[0]?.columns[0]?.meta_data as {
          data_page_offset: bigint;
          dictionary_page_offset?: bigint;
        };
        c.dictionary_page_offset = -5n;
      },
    ],
    [
      'a column that unpacks to terabytes',
      (m) => Object.assign(m.row_groups[0]?.columns[0]?.meta_data ?? {}, { total_uncompressed_size: 10n ** 12n }),
    ],
  ])('refuses %s', (_what, change) => {
    const bytes = good();
    const metadata = parquetMetadata(bytes.buffer as ArrayBuffer);
    expect(() => checkParquet(metadata, bytes.length)).not.toThrow();
    change(metadata);
    expect(() => checkParquet(metadata, bytes.length)).toThrow();
  });

  it('refuses a footer that is longer than the file, and a page that claims billions of values', async () => {
    const long = good();
    new DataView(long.buffer).setUint32(long.length - 8, 0xfffffff0, true);
    await expect(countParquetRows(buffer(long), 'x')).rejects.toThrow(/length of its metadata/);
    // The header of the first page: type, unpacked size, packed size, data page header {values}. Thrift compact: 0x15 is an i32 field.
    const bytes = good();
    const { row_groups: groups } = parquetMetadata(bytes.buffer as ArrayBuffer);
    const column = groups[0]?.columns[0]?.meta_data;
    const start = Number(column?.dictionary_page_offset ?? column?.data_page_offset);
    const size = Number(column?.total_compressed_size);
    const header = Buffer.from([
      0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0, 0x2c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0, 0x15, 6,
      0x15, 6, 0, 0,
    ]);
    expect(size).toBeGreaterThan(header.length);
    bytes.set(header, start);
    await expect(drain(readParquetRows(buffer(bytes), 'x', {}))).rejects.toThrow(
      /broken Parquet: the unpacked size of a page/,
    );
    header.set([0x15, 0, 0x15, 0, 0x15, 0, 0x2c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 16, 0x15, 6, 0x15, 6, 0, 0]);
    bytes.set(header, start);
    await expect(drain(readParquetRows(buffer(bytes), 'x', {}))).rejects.toThrow(/the values of a page is 2147483647/);
  });

  it('leaves no read behind where a group has other columns than the schema, and one of them is broken', async () => {
    const bytes = good();
    const { row_groups: groups } = parquetMetadata(bytes.buffer as ArrayBuffer);
    const start = Number(groups[0]?.columns[0]?.meta_data?.data_page_offset);
    bytes.fill(0xff, start, start + 40);
    // The name stands first in the schema, then in the path of the column; a length of one goes before it.
    bytes[Buffer.from(bytes).lastIndexOf('\x01n', undefined, 'latin1') + 1] = 'm'.charCodeAt(0);
    const leaks: unknown[] = [];
    const leaked = (error: unknown) => leaks.push(error);
    process.on('unhandledRejection', leaked);
    await expect(drain(readParquetRows(buffer(bytes), 'x', {}))).rejects.toThrow(/other columns than the schema/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', leaked);
    expect(leaks).toEqual([]);
  });

  it('ends with rows or a ConfigError whatever bytes are damaged, in bounded time', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = good();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const started = performance.now();
        await drain(readParquetRows(buffer(bytes), 'x', {})).catch((error) => {
          if (!(error instanceof ConfigError)) throw error;
        });
        expect(performance.now() - started).toBeLessThan(20_000);
      }),
      { numRuns: 150, interruptAfterTimeLimit: 8000 },
    );
  }, 60_000);
});

describe('pickles', () => {
  const pickles: [string, Uint8Array][] = [
    ['protocol 0', Buffer.from('cposix\nsystem\n(S"id"\ntR.')],
    ['protocol 2', Buffer.from('\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.', 'latin1')],
    ['protocol 4', Buffer.from('\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00', 'latin1')],
    ['protocol 5', Buffer.from('\x80\x05\x95\x1c\x00\x00\x00\x00\x00\x00\x00', 'latin1')],
    ['PyTorch', Buffer.from('PK\x03\x04\x00\x00\x08\x08archive/data.pkl', 'latin1')],
    ['numpy', Buffer.from('\x93NUMPY\x01\x00', 'latin1')],
  ];
  const pad = (start: Uint8Array) => Buffer.concat([start, Buffer.alloc(300)]);

  it.each(pickles)('of %s are refused by content, whatever they are called', async (what, start) => {
    expect(isPickle(start)).toBe(true);
    const name = what.replace(/\W/g, '-');
    await expect(checkGgufFile(await file(`${name}.gguf`, pad(start)), 'm')).rejects.toThrow(/pickle.*never loaded/);
    await expect(openSafetensors(await file(`${name}.safetensors`, pad(start)))).rejects.toThrow(
      /pickle.*never loaded/,
    );
  });

  it.each(['pytorch_model.bin', 'model.pt', 'model.ckpt', 'model.pkl'])('%s is refused by name', async (name) => {
    await expect(openSafetensors(await file(name, pad(Buffer.from('anything'))))).rejects.toThrow(/never loaded/);
  });

  it('a model folder neither holds pickles as weights nor points out of itself', async () => {
    const s = { baseDir: dir, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify() {} };
    await file('config.json', '{}');
    await file('model.safetensors', pad(Buffer.from('\x80\x04', 'latin1')));
    await expect(resolveModelFolder('.', s)).rejects.toThrow(/pickle/);
    for (const name of ['../../etc/passwd', '/etc/passwd', 'pytorch_model.bin', '..']) {
      await file('model.safetensors.index.json', JSON.stringify({ weight_map: { a: name } }));
      await expect(resolveModelFolder('.', s)).rejects.toThrow(/must be a .safetensors file in the same folder/);
    }
    await file('model.safetensors.index.json', '{');
    await expect(resolveModelFolder('.', s)).rejects.toThrow(ConfigError);
  });

  it('are told from models', () => {
    for (const start of ['GGUF\x03\0\0\0', '\x40\0\0\0\0\0\0\0{"a"', '\x08\x07\x12\x07pytorch', 'PAR1'])
      expect(isPickle(Buffer.from(start, 'latin1'))).toBe(false);
  });
});
