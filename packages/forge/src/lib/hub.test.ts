import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definition as huggingFace } from '../datasets/hugging-face.ts';
import type { Notice, Surroundings } from '../definition.ts';
import { startHubServer } from '../testing/hub-server.ts';
import { downloadHubFile, hubRevision, listHubFiles } from './hub.ts';
import { filesOfSplit } from './hub-table.ts';
import { resolveModelFile } from './model-file.ts';
import { createRandom } from './random.ts';

function parquet(from: number, count: number): Buffer {
  const indices = Array.from({ length: count }, (_, i) => from + i);
  return Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'question', data: indices.map((i) => `Question ${i}?`), type: 'STRING' },
        { name: 'answer', data: indices.map((i) => String(i * i)), type: 'STRING' },
      ],
      rowGroupSize: 100,
    }),
  );
}

const random = createRandom('model bytes');
const model = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.below(256)));

let dir: string;
let hub: Awaited<ReturnType<typeof startHubServer>>;
let notices: Notice[];

function surroundings(env: Record<string, string> = {}): Surroundings {
  return {
    baseDir: dir,
    cacheDir: join(dir, 'cache'),
    env: { HF_ENDPOINT: hub.url, ...env },
    now: Date.now,
    notify: (notice) => notices.push(notice),
  };
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-hub-'));
  notices = [];
  hub = await startHubServer([
    {
      kind: 'dataset',
      repo: 'team/squares',
      files: {
        'README.md': Buffer.from('# squares'),
        'data/test-00000-of-00002.parquet': parquet(0, 250),
        'data/test-00001-of-00002.parquet': parquet(250, 150),
        'data/train-00000-of-00001.parquet': parquet(1000, 10),
      },
    },
    {
      kind: 'model',
      repo: 'team/tiny',
      files: {
        'tiny-q8_0.gguf': model,
        'tiny-q4_0.gguf': model.subarray(0, 1000),
        'config.json': Buffer.from('{"a":1}'),
      },
    },
    {
      kind: 'dataset',
      repo: 'team/gated',
      files: { 'test.jsonl': Buffer.from('{"question":"q","answer":"a"}\n') },
      token: 'hf_secret',
    },
  ]);
});

afterEach(async () => {
  await hub.close();
  await rm(dir, { recursive: true, force: true });
});

const tiny = { kind: 'model', repo: 'team/tiny', revision: 'main' } as const;
const squares = (over: object = {}) =>
  huggingFace.create(huggingFace.options.parse({ repo: 'team/squares', ...over }), surroundings()) as Promise<
    Awaited<ReturnType<typeof huggingFace.create>>
  >;

describe('downloads', () => {
  it('resolves a branch, lists files over pages, fetches once and checks the content', async () => {
    hub.faults.pageSize = 2;
    const s = surroundings();
    expect(await hubRevision(tiny, s)).toBe(hub.commit(1));
    expect((await listHubFiles(tiny, s)).map((file) => file.path).sort()).toEqual([
      'config.json',
      'tiny-q4_0.gguf',
      'tiny-q8_0.gguf',
    ]);
    const path = await downloadHubFile(tiny, 'tiny-q8_0.gguf', s);
    expect((await readFile(path)).equals(model)).toBe(true);
    const served = hub.bytesServed();
    expect(await downloadHubFile(tiny, 'tiny-q8_0.gguf', s)).toBe(path);
    expect(hub.bytesServed()).toBe(served);
    expect(notices.some((notice) => notice.done === model.length && notice.total === model.length)).toBe(true);
  });

  it('goes on after broken connections where it stopped: no byte is sent twice', async () => {
    hub.faults.breakAfterBytes = [100_000, 120_000];
    const path = await downloadHubFile(tiny, 'tiny-q8_0.gguf', surroundings());
    expect((await readFile(path)).equals(model)).toBe(true);
    expect(hub.log.filter((one) => one.host === 'cdn').map((one) => one.range)).toEqual([
      undefined,
      'bytes=100000-',
      'bytes=220000-',
    ]);
    expect(hub.bytesServed()).toBe(model.length);
  });

  it('starts over where the server ignores ranges', async () => {
    hub.faults.ignoreRange = true;
    hub.faults.breakAfterBytes = [100_000];
    const path = await downloadHubFile(tiny, 'tiny-q8_0.gguf', surroundings());
    expect((await readFile(path)).equals(model)).toBe(true);
  });

  it('refuses content that does not match its checksum, and keeps nothing of it', async () => {
    hub.faults.corrupt = true;
    await expect(downloadHubFile(tiny, 'tiny-q8_0.gguf', surroundings())).rejects.toThrow(
      'does not match the hub’s checksum',
    );
    await expect(downloadHubFile(tiny, 'config.json', surroundings())).rejects.toThrow('checksum');
    hub.faults.corrupt = false;
    expect((await readFile(await downloadHubFile(tiny, 'tiny-q8_0.gguf', surroundings()))).equals(model)).toBe(true);
  });

  it('waits out 429 and 500, and gives up on what will not change', async () => {
    hub.faults.statuses = [429, 500];
    expect(await hubRevision(tiny, surroundings())).toBe(hub.commit(1));
    await expect(hubRevision({ ...tiny, repo: 'team/none' }, surroundings())).rejects.toThrow(
      'not found on the hub (404)',
    );
    await expect(hubRevision({ ...tiny, repo: '../secrets' }, surroundings())).rejects.toThrow('owner/name');
    await expect(downloadHubFile(tiny, '../../etc/passwd', surroundings())).rejects.toThrow('not a path inside');
  }, 20_000);

  it('sends the token to the hub alone, and says what to do where there is none', async () => {
    const gated = { kind: 'dataset', repo: 'team/gated', revision: 'main' } as const;
    await expect(hubRevision(gated, surroundings())).rejects.toThrow('set HF_TOKEN');
    await expect(hubRevision(gated, surroundings({ HF_TOKEN: 'hf_wrong' }))).rejects.toThrow(
      'the token in HF_TOKEN may not read it',
    );
    const s = surroundings({ HF_TOKEN: 'hf_secret' });
    await downloadHubFile(gated, 'test.jsonl', s);
    await downloadHubFile(tiny, 'tiny-q8_0.gguf', s);
    const cdn = hub.log.filter((one) => one.host === 'cdn');
    expect(cdn.length).toBeGreaterThan(0);
    expect(cdn.every((one) => one.authorization === undefined)).toBe(true);
    expect(hub.log.some((one) => one.host === 'hub' && one.authorization === 'Bearer hf_secret')).toBe(true);
    expect(JSON.stringify(notices)).not.toContain('hf_secret');
  });

  it('works without the hub once it has what it needs, and says so', async () => {
    const path = await downloadHubFile(tiny, 'config.json', surroundings());
    await hub.close();
    expect(await downloadHubFile({ ...tiny, revision: hub.commit(1) }, 'config.json', surroundings())).toBe(path);
    const offline = { ...surroundings(), env: { HF_ENDPOINT: hub.url } };
    expect(await downloadHubFile(tiny, 'config.json', offline)).toBe(path);
    expect(notices.some((notice) => notice.level === 'warning' && notice.message.includes('last seen'))).toBe(true);
  }, 30_000);
});

describe('models by name', () => {
  it('fetches a file, and lists the choices where none is named', async () => {
    const file = await resolveModelFile('hf:team/tiny/tiny-q8_0.gguf', surroundings());
    expect(file).toMatchObject({ sizeBytes: model.length, source: 'hf:team/tiny', revision: hub.commit(1) });
    await expect(resolveModelFile('hf:team/tiny', surroundings())).rejects.toThrow(
      'hf:team/tiny/tiny-q4_0.gguf, hf:team/tiny/tiny-q8_0.gguf',
    );
    await expect(resolveModelFile('hf:tiny', surroundings())).rejects.toThrow('must look like');
    await expect(resolveModelFile('absent.gguf', surroundings())).rejects.toThrow('no such file');
  });
});

describe('hugging-face data sets', () => {
  it('reads a split over its shards, whole or the chosen rows', async () => {
    const dataset = await squares();
    expect(await dataset.count()).toBe(400);
    expect(dataset.revision).toBe(hub.commit(0));
    const rows = await Array.fromAsync(dataset.examples({ only: new Set([3, 249, 250, 399]) }));
    expect(rows).toEqual(
      [3, 249, 250, 399].map((i) => ({ id: String(i), text: `Question ${i}?`, targets: [String(i * i)] })),
    );
    expect(await Array.fromAsync(dataset.examples())).toHaveLength(400);
    expect(await dataset.fingerprint()).toBe(await (await squares()).fingerprint());
    expect(await (await squares({ split: 'train' })).count()).toBe(10);
  });
  it('says which files there are where the split is unknown', async () => {
    await expect(squares({ split: 'dev' })).rejects.toThrow(/split "dev".*data\/test-00000-of-00002.parquet/);
  });
  it('finds the files of a split in the usual layouts', () => {
    const paths = (names: string[], config: string | null, split: string) =>
      filesOfSplit(
        names.map((path) => ({ path, size: 1 })),
        config,
        split,
      ).map((file) => file.path);
    expect(
      paths(['main/test-00000-of-00001.parquet', 'socratic/test-00000-of-00001.parquet', 'README.md'], 'main', 'test'),
    ).toEqual(['main/test-00000-of-00001.parquet']);
    expect(paths(['train.jsonl', 'test.jsonl', 'test.csv.md'], null, 'test')).toEqual(['test.jsonl']);
    expect(
      paths(['default/test/0000.parquet', 'default/test/0001.parquet', 'default/train/0000.parquet'], null, 'test'),
    ).toEqual(['default/test/0000.parquet', 'default/test/0001.parquet']);
    expect(paths(['latest-test.parquet'], null, 'test')).toEqual([]);
  });
});
