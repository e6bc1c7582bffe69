import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corpusSchema } from '../corpus-schema.ts';
import type { Notice, Surroundings } from '../definition.ts';
import { startHubServer } from '../testing/hub-server.ts';
import { pdf } from '../testing/pdf-file.ts';
import { type CorpusDocument, openDocuments } from './corpus-documents.ts';
import { createDocumentReader } from './document-file.ts';
import { openHubRange } from './hub.ts';
import { splitChunks } from './split-chunks.ts';

let dir: string;
let notices: Notice[] = [];

function surroundings(env: Record<string, string> = {}): Surroundings {
  const notify = (notice: Notice) => notices.push(notice);
  return { baseDir: dir, cacheDir: join(dir, 'cache'), env, now: Date.now, notify };
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await mkdir(dirname(join(dir, name)), { recursive: true });
  await writeFile(join(dir, name), content);
  return name;
}

/** A source as a corpus file has it, checked and opened. */
async function open(source: object, s = surroundings()) {
  const corpus = corpusSchema.parse({ version: 1, name: 'test', sources: [source] });
  return openDocuments(corpus.sources[0] as (typeof corpus.sources)[number], s);
}
const documents = async (source: object) => Array.fromAsync((await open(source)).documents());
const only = async (source: object) => (await documents(source))[0] as CorpusDocument;

async function problemOf(source: object): Promise<string> {
  const error = await documents(source).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.name).toBe('ConfigError');
  expect(error?.message).not.toContain('\n');
  return error?.message ?? '';
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-corpus-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('documents', () => {
  it('reads those of a folder in a fixed order, ids relative to the project', async () => {
    await file('docs/b.md', 'Before.\n\n# The   title \n\n## Not this\nText.');
    await file('docs/a.txt', '\ufeffPlain text.');
    await file('docs/sub/c.HTM', '<p>Page.');
    await file('docs/sub/z.pdf', pdf([['Paper.']]));
    await file('docs/picture.png', Buffer.from([0x89, 0x50, 0]));
    const source = await open({ path: 'docs' });
    expect(await source.count()).toBe(4);
    expect(await Array.fromAsync(source.documents())).toEqual([
      { id: 'docs/a.txt', title: 'docs/a.txt', url: '', text: 'Plain text.' },
      { id: 'docs/b.md', title: 'The title', url: '', text: 'Before.\n\n# The   title \n\n## Not this\nText.' },
      { id: 'docs/sub/c.HTM', title: 'docs/sub/c.HTM', url: '', text: 'Page.' },
      { id: 'docs/sub/z.pdf', title: 'docs/sub/z.pdf', url: '', text: 'Paper.' },
    ]);
    expect(await documents({ path: 'docs', limit: 2 })).toHaveLength(2);
  });

  it('has another fingerprint when a document changed', async () => {
    await file('print/a.txt', 'one');
    const before = await (await open({ path: 'print' })).fingerprint();
    expect(await (await open({ path: 'print' })).fingerprint()).toBe(before);
    await file('print/a.txt', 'two');
    expect(await (await open({ path: 'print' })).fingerprint()).not.toBe(before);
  });

  it('reads HTML without scripts, styles, navigation and comments', async () => {
    const page = `<!doctype html><html><head><title>Caf&eacute; &amp;\n Bar</title><style>p { color: red }</style>
      <script>document.write("<p>no</p>")</script></head><body><nav><ul><li>Home</ul></nav><h1>Heading</h1>
      <p>One &lt;two&gt;&nbsp;three<!-- no -->&#8212;f<b>ou</b>r.<p>Soft&shy;ware<br>next
      <table><tr><td>a<td>1<tr><td>b<td>2</table><pre>  x\n    y</pre><svg><title>no</title><text>no</text></svg>`;
    await file('page.html', page);
    expect(await only({ path: 'page.html' })).toEqual({
      id: 'page.html',
      title: 'Café & Bar',
      url: '',
      text: 'Heading\nOne <two> three—four.\nSoftware\nnext\na 1\nb 2\n  x\n    y',
    });
    await file('untitled.html', '<title> </title><h1>First <i>heading</i></h1><h1>Second</h1>');
    expect((await only({ path: 'untitled.html' })).title).toBe('First heading');
  });

  it('reads PDF page by page, paragraphs whole, the title from its metadata', async () => {
    await file(
      'paper.pdf',
      pdf([['The first line for exam-', 'ple goes', 'on.'], ['Page two.']], { title: 'A Paper' }),
    );
    expect(await only({ path: 'paper.pdf' })).toEqual({
      id: 'paper.pdf',
      title: 'A Paper',
      url: '',
      text: 'The first line for example goes on.\nPage two.',
    });
  });

  const encrypted = `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'41'.repeat(32)}> /U <${'42'.repeat(32)}> >> /ID [<41> <41>]`;
  it.each([
    ['a cut PDF', 'cut.pdf', pdf([['x']]).subarray(0, 300), 'a broken PDF'],
    ['a PDF that is none', 'none.pdf', 'hello', 'a broken PDF'],
    ['an encrypted PDF', 'locked.pdf', pdf([['x']], { trailer: encrypted }), 'an encrypted PDF; remove its password'],
    ['a PDF without text', 'scan.pdf', pdf([[], []]), 'a PDF of 2 pages without text: are they scanned images?'],
    ['a page without text', 'app.html', '<div id="app"></div><script>run()</script>', 'no text between its tags'],
    ['a binary file', 'binary.txt', Buffer.from([0x41, 0, 1, 2]), 'a binary file'],
    ['UTF-16', 'wide.txt', Buffer.from('\ufefftext', 'utf16le'), 'UTF-16'],
    ['Latin-1', 'latin.md', Buffer.from('caf\xe9', 'latin1'), 'not UTF-8 text; convert it'],
    ['an empty file', 'empty.txt', '', 'the file is empty'],
    ['too large a file', 'large.txt', Buffer.alloc(70 * 2 ** 20, 'a'), '70.0 MB; a document may have 64.0 MB'],
  ])('refuses %s', async (_title, name, content, message) => {
    const problem = await problemOf({ path: await file(name, content) });
    expect(problem).toMatch(new RegExp(`^${name}: `));
    expect(problem).toContain(message);
  });

  it('refuses a folder without documents and a file that is not there', async () => {
    await file('pictures/a.png', 'x');
    expect(await problemOf({ path: 'pictures' })).toBe(
      'pictures: the folder holds no document (.txt, .md, .html, .pdf). Endings there: .png',
    );
    await mkdir(join(dir, 'nothing'));
    expect(await problemOf({ path: 'nothing' })).toContain('Endings there: none');
    await file('notes.txt', 'x');
    expect(await problemOf({ path: 'note.txt' })).toContain('Did you mean "notes.txt"?');
  });

  it('gives up on a page that was made to take forever, and reads the next one', async () => {
    await file('deep.html', '<div>'.repeat(2_000_000));
    await file('next.html', '<p>Text.');
    const reader = createDocumentReader({ maxMs: 1000 });
    const read = (name: string) => reader.read(join(dir, name), { shown: name, maxBytes: 2 ** 26 });
    await expect(read('deep.html')).rejects.toThrow('deep.html: not read in 1 s; leave it out of the corpus');
    expect((await read('next.html')).text).toBe('Text.');
    await reader.close();
  });

  it('stops when asked to', async () => {
    const source = await open({ path: 'docs' });
    await expect(Array.fromAsync(source.documents(AbortSignal.abort()))).rejects.toThrow('aborted');
  });

  it('takes a document of 50 MB through in little memory', async () => {
    const sentence = 'Fifty megabytes are a very long book, and still one text.\n';
    await file('book.txt', sentence.repeat(Math.ceil(50e6 / sentence.length)));
    const before = process.memoryUsage.rss();
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss() - before);
    }, 20);
    const { text } = await only({ path: 'book.txt' });
    const chunks = await splitChunks(text, { tokens: 256, overlap: 0 }, async (texts) => texts.map(() => 12));
    clearInterval(timer);
    expect(chunks.length).toBeGreaterThan(40_000);
    expect(most / 2 ** 20).toBeLessThan(500);
  }, 30_000);
});

const rows = [
  { id: 'q1', title: 'One', url: 'http://one', text: 'First text.' },
  { id: 'q2', title: 'Two', url: '', text: 'Second\u00ad text.\u0000' },
  { id: 'q3', title: null, text: 'Third text.' },
];
const expected = [rows[0], { ...rows[1], text: 'Second text.' }, { id: 'q3', title: '', url: '', text: 'Third text.' }];
const parquet = (values: readonly Record<string, unknown>[]) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: ['id', 'url', 'title', 'text'].map((name) => ({
        name,
        data: values.map((row) => String(row[name] ?? '')),
        type: 'STRING',
      })),
      rowGroupSize: 100,
    }),
  );

describe('tables', () => {
  it.each([
    ['rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')],
    [
      'rows.csv',
      'id,title,url,text\nq1,One,http://one,First text.\nq2,Two,,Second\u00ad text.\u0000\nq3,,,Third text.\n',
    ],
    ['rows.parquet', parquet(rows)],
  ])('reads %s', async (name, content) => {
    await file(name, content);
    expect(await documents({ path: name })).toEqual(expected);
    const source = await open({ path: name, limit: 2 });
    expect(await source.count()).toBe(2);
    expect(await Array.fromAsync(source.documents())).toEqual(expected.slice(0, 2));
    expect(await (await open({ path: name, limit: 9 })).count()).toBe(3);
  });

  it('takes other columns, and numbers rows without an id', async () => {
    await file('other.jsonl', '{"body":"A","name":"N","n":7}\n{"body":"B","n":8}\n');
    expect(await documents({ path: 'other.jsonl', columns: { text: 'body', title: 'name' } })).toEqual([
      { id: '0', title: 'N', url: '', text: 'A' },
      { id: '1', title: '', url: '', text: 'B' },
    ]);
    expect((await only({ path: 'other.jsonl', columns: { text: 'body', id: 'n' } })).id).toBe('7');
  });

  it.each([
    ['a missing column', {}, '{"body":"x"}', 'bad.jsonl:1: no column "text" (columns.text). Columns there: body'],
    ['a missing id', { columns: { id: 'key' } }, '{"text":"x"}', 'no column "key" (columns.id)'],
    ['what is no text', {}, '{"text":["x"]}', 'bad.jsonl:1: column "text" (columns.text) holds an object or a list'],
    ['another format', { format: 'csv' }, '{"text":"x"}', 'bad.jsonl: looks like json-lines, not csv'],
  ])('refuses %s', async (_title, over, content, message) => {
    expect(await problemOf({ path: await file('bad.jsonl', content), ...over })).toContain(message);
  });
});

describe('the keys of a source', () => {
  it.each([
    [{}, '', 'needs path (a file or a folder) or hub'],
    [{ path: 'a', hub: 'a/b' }, 'hub', 'either path or hub, not both'],
    [{ path: 'a', split: 'train' }, 'split', 'belongs to hub, which is not there'],
    [{ hub: 'a/b', format: 'csv' }, 'format', 'belongs to path, which is not there'],
    [{ hub: 'wikipedia' }, 'hub', 'must look like owner/repo or owner/repo@revision'],
    [{ path: 'a', limit: 0 }, 'limit', '>=1'],
  ])('%j', (source, key, message) => {
    const { error } = corpusSchema.safeParse({ version: 1, name: 'test', sources: [source] });
    expect(error?.issues[0]?.path.slice(2).join('.')).toBe(key);
    expect(error?.issues[0]?.message).toContain(message);
  });
});

describe('the hub', () => {
  const articles = (language: string, from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `${from + i}`,
      url: `https://${language}/${from + i}`,
      title: `Title ${from + i}`,
      text: `Text ${from + i} in ${language}.`,
    }));
  let hub: Awaited<ReturnType<typeof startHubServer>>;
  const s = () => surroundings({ HF_ENDPOINT: hub.url });

  beforeAll(async () => {
    hub = await startHubServer([
      {
        kind: 'dataset',
        repo: 'wiki/pedia',
        files: {
          '2023.simple/train-00000-of-00002.parquet': parquet(articles('simple', 0, 250)),
          '2023.simple/train-00001-of-00002.parquet': parquet(articles('simple', 250, 50)),
          '2023.de/train-00000-of-00001.parquet': parquet(articles('de', 0, 20)),
        },
      },
    ]);
  });
  afterAll(() => hub.close());

  it('reads the first rows with the columns of Wikipedia, and fetches no more files than it needs', async () => {
    const source = await open({ hub: 'wiki/pedia', config: '2023.simple', split: 'train', limit: 120 }, s());
    expect(await source.count()).toBe(120);
    const read = await Array.fromAsync(source.documents());
    expect(read).toEqual(articles('simple', 0, 120));
    expect(hub.log.some(({ host, path }) => host === 'cdn' && path.includes('00001-of-00002'))).toBe(false);
    expect(await (await open({ hub: 'wiki/pedia', config: '2023.simple' }, s())).count()).toBe(300);
  });

  it('warns where the configuration is left out, and names the files there are', async () => {
    notices = [];
    expect(await (await open({ hub: 'wiki/pedia' }, s())).count()).toBe(320);
    expect(notices.map(({ message }) => message).join()).toContain('from 2 folders (2023.de, 2023.simple)');
    await expect(open({ hub: 'wiki/pedia', split: 'test' }, s())).rejects.toThrow(/split "test".*2023\.de\/train/);
  });

  it('reads the same again without the hub, ranges of large files too', async () => {
    const at = hub.commit();
    const source = { hub: `wiki/pedia@${at}`, config: '2023.simple', limit: 260 };
    const first = await open(source, s());
    const [print, read] = [await first.fingerprint(), await Array.fromAsync(first.documents())];
    const ref = { kind: 'dataset', repo: 'wiki/pedia', revision: at } as const;
    const path = '2023.de/train-00000-of-00001.parquet';
    const size = parquet(articles('de', 0, 20)).length;
    const range = async () => {
      const remote = await openHubRange(ref, { path, size }, s());
      return remote === null ? null : Buffer.from(await remote.slice(4, 99));
    };
    const bytes = await range();
    await hub.close();
    const second = await open(source, s());
    expect(await second.fingerprint()).toBe(print);
    expect(await Array.fromAsync(second.documents())).toEqual(read);
    expect(await range()).toEqual(bytes);
    expect(bytes).toHaveLength(95);
  });
});
