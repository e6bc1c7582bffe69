import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ComponentPool, createComponentPool } from './component-pool.ts';
import type { Notice } from './definition.ts';
import { ConfigError } from './errors.ts';
import { loadCorpus } from './load-corpus.ts';
import { forge } from './testing/forge-process.ts';
import { labModels, surroundingsIn } from './testing/lab-encoders.ts';

let dir: string;
let pool: ComponentPool;
let notices: Notice[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-ingest-'));
  reopen();
});
afterEach(async () => {
  await pool.close();
  await rm(dir, { recursive: true, force: true });
});

function reopen(): void {
  notices = [];
  pool = createComponentPool(surroundingsIn(dir, { notify: (notice) => notices.push(notice) }));
}

const person = (i: number) =>
  `Person ${i} lives in town ${i % 7}. The pet of person ${i} is cat. The job of person ${i} is baker.`;
const writeDocuments = (texts: readonly string[]) =>
  writeFile(
    join(dir, 'docs.jsonl'),
    texts.map((text, i) => `${JSON.stringify({ id: `d${i}`, title: `Title ${i}`, text })}\n`).join(''),
  );

/** Writes the corpus file; JSON is YAML. */
async function writeCorpus(over: object = {}): Promise<string> {
  const corpus = {
    version: 1,
    name: 'people',
    sources: [{ path: 'docs.jsonl' }],
    chunk: { tokens: 64, overlap: 0 },
    embedder: labModels.embedder,
    ...over,
  };
  await writeFile(join(dir, 'corpus.yaml'), JSON.stringify(corpus));
  return 'corpus.yaml';
}
async function ingest(over: object = {}) {
  return pool.ingest(await loadCorpus(await writeCorpus(over), dir));
}
const openPeople = async () => (await pool.openCorpus('corpus.yaml')).index;

describe('ingestion', () => {
  it('embeds what is new, keeps what is there, removes what is no more', async () => {
    await writeDocuments(Array.from({ length: 20 }, (_, i) => person(i)));
    expect(await ingest()).toMatchObject({ documents: 20, chunks: 20, embedded: 20, kept: 0, cached: 0, removed: 0 });
    expect(await ingest()).toMatchObject({ documents: 20, chunks: 20, embedded: 0, kept: 20, removed: 0 });
    // One changed, one gone, one new.
    const texts = Array.from({ length: 20 }, (_, i) => person(i));
    texts[3] = 'Person 3 has moved.';
    texts[19] = person(40);
    expect(await ingest()).toMatchObject({ embedded: 0 });
    await writeDocuments(texts);
    expect(await ingest()).toMatchObject({ chunks: 20, embedded: 2, kept: 18, removed: 2 });
    const index = await openPeople();
    expect(await index.count()).toBe(20);
    expect((await index.searchText('moved', 5)).map(({ documentId }) => documentId)).toEqual(['d3']);
    // The old text is back: its vector is remembered.
    await writeDocuments(Array.from({ length: 20 }, (_, i) => person(i)));
    expect(await ingest()).toMatchObject({ embedded: 0, cached: 2, kept: 18, removed: 2 });
  });

  it('leaves the same text out the second time, and says so', async () => {
    await writeFile(
      join(dir, 'docs.jsonl'),
      ['a', 'b', 'c']
        .map((id) => `${JSON.stringify({ id, title: 'T', text: id === 'c' ? 'Other.' : 'Same.' })}\n`)
        .join(''),
    );
    expect(await ingest()).toMatchObject({ documents: 3, chunks: 2, duplicates: 1 });
  });

  it('takes vectors from the cache where only the index is another one', async () => {
    await writeDocuments(Array.from({ length: 30 }, (_, i) => person(i)));
    await ingest();
    expect(await ingest({ index: { name: 'lancedb', kind: 'hnsw' } })).toMatchObject({ embedded: 0, cached: 30 });
    expect(await ingest({ name: 'again' })).toMatchObject({ embedded: 0, cached: 30 });
    // Chunks of another size are other texts.
    expect(await ingest({ chunk: { tokens: 16, overlap: 0 } })).toMatchObject({ kept: 0, cached: 0 });
  });

  it('cuts by the embedder’s own tokens, and counts progress', async () => {
    await writeDocuments(Array.from({ length: 300 }, (_, i) => person(i)));
    const done = await ingest({ chunk: { tokens: 20, overlap: 8 } });
    expect(done.chunks).toBeGreaterThan(600);
    const index = await openPeople();
    const { embedder } = await pool.openCorpus('corpus.yaml');
    const found = await index.searchText('cat', 1000);
    const counts = await embedder.countTokens(found.map(({ text }) => text));
    expect(Math.max(...counts)).toBeLessThanOrEqual(20);
    const progress = notices.filter(({ level }) => level === 'progress');
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.at(-1)).toMatchObject({ done: 300, total: 300, unit: 'rows' });
    expect(progress.at(-1)?.message).toMatch(/300 of 300 documents, \d+ chunks\/s/);
  });

  it('goes on after a stop where it was, without a duplicate', async () => {
    await writeDocuments(Array.from({ length: 2000 }, (_, i) => person(i)));
    const stop = new AbortController();
    const stopping = createComponentPool(
      surroundingsIn(dir, {
        notify: ({ done = 0 }) => {
          if (done > 600) stop.abort(new Error('stopped'));
        },
      }),
    );
    const corpus = await loadCorpus(await writeCorpus(), dir);
    await expect(stopping.ingest(corpus, stop.signal)).rejects.toThrow();
    await stopping.close();
    const done = await pool.ingest(corpus);
    // Of the batches under way when it stopped, the first was stored: that is what told of progress.
    expect(done.kept + done.cached).toBeGreaterThanOrEqual(256);
    expect(done.kept + done.cached + done.embedded).toBe(2000);
    expect(await (await openPeople()).count()).toBe(2000);
  });

  it('survives kill -9 at any point: the next call finishes, each chunk once', async () => {
    await writeDocuments(Array.from({ length: 3000 }, (_, i) => person(i)));
    await writeCorpus();
    const env = { FORGE_HOME: join(dir, 'home') };
    for (const afterMs of [900, 1500, 2200, 3000]) {
      const { signal } = await forge(['ingest', 'corpus.yaml'], {
        cwd: dir,
        env,
        onStart: (child) => setTimeout(() => child.kill('SIGKILL'), afterMs),
      });
      if (signal === null) break;
    }
    const last = await forge(['ingest', 'corpus.yaml', '--json'], { cwd: dir, env });
    expect(last.stderr).not.toContain('forge:');
    expect(JSON.parse(last.stdout)).toMatchObject({ corpus: 'people', documents: 3000, chunks: 3000, removed: 0 });
    const finished = createComponentPool({ ...surroundingsIn(dir), cacheDir: join(dir, 'home', 'cache') });
    const { index } = await finished.openCorpus('corpus.yaml');
    expect(await index.count()).toBe(3000);
    expect((await index.chunkIds()).size).toBe(3000);
    await finished.close();
  }, 120_000);

  it('is done by whoever opens a corpus that is not up to date', async () => {
    await writeDocuments([person(1), person(2)]);
    await writeCorpus();
    const first = await pool.openCorpus('corpus.yaml');
    expect(await first.index.count()).toBe(2);
    await pool.close();
    await writeDocuments([person(1), person(2), person(3)]);
    reopen();
    const second = await pool.openCorpus('corpus.yaml');
    expect(await second.index.count()).toBe(3);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    await pool.close();
    // The index was taken away, its manifest was not.
    await rm(join(dir, 'cache', 'indexes', 'people', 'lancedb-flat'), { recursive: true });
    reopen();
    expect(await (await openPeople()).count()).toBe(3);
  });
});

describe('what cannot be ingested', () => {
  it('an empty corpus, and documents without text', async () => {
    await writeDocuments(['', '  \n ']);
    await expect(ingest()).rejects.toThrow(/corpus people: its sources hold no text/);
    await mkdir(join(dir, 'empty'));
    await expect(ingest({ sources: [{ path: 'empty' }] })).rejects.toThrow(/empty: the folder holds no document/);
    await expect(ingest({ sources: [{ path: 'nowhere.jsonl' }] })).rejects.toThrow(/nowhere\.jsonl: no such file/);
  });

  it('a binary file: the error names it, what is ingested stays', async () => {
    await mkdir(join(dir, 'texts'));
    await writeFile(join(dir, 'texts', 'a.txt'), 'Some text.');
    await ingest({ sources: [{ path: 'texts' }] });
    await writeFile(join(dir, 'texts', 'b.txt'), Buffer.from([0, 1, 2, 255, 254]));
    await expect(ingest({ sources: [{ path: 'texts' }] })).rejects.toThrow(/texts\/b\.txt: /);
    await expect(ingest({ sources: [{ path: 'texts' }] })).rejects.toThrow(ConfigError);
    await rm(join(dir, 'texts', 'b.txt'));
    expect(await ingest({ sources: [{ path: 'texts' }] })).toMatchObject({ kept: 1, embedded: 0 });
  });

  it.each([
    [{ chunk: { tokens: 16, overlap: 16 } }, /corpus\.yaml:1: chunk\.overlap: 16 is not allowed: must be less than/],
    [{ embeder: 'x' }, /corpus\.yaml:1: embeder: unknown key\. Did you mean "embedder"\?/],
    [
      { embedder: 'sentence-transfomer' },
      /unknown embedder "sentence-transfomer"\. Did you mean "sentence-transformer"\?/,
    ],
    [{ index: { name: 'lancedb', kind: 'tree' } }, /index\.kind: "tree" is not allowed/],
    [{ name: '../../etc' }, /name: .* is not allowed: must be lower-case letters/],
    [{ chunk: { tokens: 2000 } }, /chunk\.tokens: 2000 is more than the 51\d tokens/],
  ])('%j', async (over, message) => {
    await writeDocuments([person(1)]);
    await expect(ingest(over)).rejects.toThrow(message);
  });
});
