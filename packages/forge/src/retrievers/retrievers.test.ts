import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentPool, createComponentPool } from '../component-pool.ts';
import { RetrievalError } from '../errors.ts';
import { parseComponent } from '../load-experiment.ts';
import type { Passage } from '../retriever.ts';
import { labModels, root, surroundingsIn } from '../testing/lab-encoders.ts';

interface Row {
  readonly question: string;
  readonly gold: readonly string[];
}

let dir: string;
let pool: ComponentPool;
let rows: Row[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-retrievers-'));
  pool = createComponentPool(surroundingsIn(dir));
  const lines = await readFile(join(root, 'datasets/lab-world/documents.test.jsonl'), 'utf8');
  rows = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  const corpus = {
    version: 1,
    name: 'lab',
    sources: [{ path: join(root, 'datasets/lab-world/corpus.jsonl') }],
    embedder: labModels.embedder,
  };
  await writeFile(join(dir, 'lab.yaml'), JSON.stringify(corpus));
});
afterAll(async () => {
  await pool.close();
  await rm(dir, { recursive: true, force: true });
});

const corpus = 'lab.yaml';
const open = (reference: object) => pool.retriever(parseComponent('test', 'retriever', reference));
const ids = (passages: readonly Passage[]) => passages.map(({ documentId }) => documentId);

/** Share of questions whose document is among the first k, and the mean reciprocal rank. */
async function quality(reference: object, topK: number) {
  const retriever = await open(reference);
  let hits = 0;
  let reciprocal = 0;
  for (const { question, gold } of rows) {
    const at = ids(await retriever.retrieve(question, topK)).indexOf(gold[0] ?? '');
    hits += at >= 0 ? 1 : 0;
    reciprocal += at >= 0 ? 1 / (at + 1) : 0;
  }
  return { recall: hits / rows.length, mrr: reciprocal / rows.length };
}

describe('on the held-out people of the lab world, with the bundled models', () => {
  it('dense', async () => expect((await quality({ name: 'dense', corpus }, 5)).recall).toBeGreaterThanOrEqual(0.95));
  it('bm25', async () => expect((await quality({ name: 'bm25', corpus }, 5)).recall).toBeGreaterThanOrEqual(0.95));
  it('hybrid', async () => {
    expect((await quality({ name: 'hybrid', corpus }, 5)).recall).toBeGreaterThanOrEqual(0.95);
    const weighted = { name: 'hybrid', corpus, fusion: 'weighted', denseWeight: 0.7 };
    expect((await quality(weighted, 5)).recall).toBeGreaterThanOrEqual(0.95);
  });
  it('reranked', async () => {
    const reference = {
      name: 'reranked',
      first: { name: 'bm25', corpus },
      crossEncoder: labModels.crossEncoder,
      candidates: 10,
    };
    expect((await quality(reference, 5)).mrr).toBeGreaterThanOrEqual(0.97);
  });
});

describe('retrievers', () => {
  const query = 'What is the job of Vera Harker?';

  it('none finds nothing', async () => expect(await (await open({ name: 'none' })).retrieve(query, 5)).toEqual([]));

  it('dense gives the cosine, exactly', async () => {
    const [best] = await (await open({ name: 'dense', corpus })).retrieve(query, 1);
    const { embedder } = await pool.openCorpus(corpus);
    const [a, b] = await embedder.embed([query, `${best?.title}\n${best?.text}`]);
    const cosine = (a as Float32Array).reduce((sum, value, i) => sum + value * ((b as Float32Array)[i] as number), 0);
    expect(best?.score).toBeCloseTo(cosine, 5);
    expect(best?.stages).toEqual({ dense: best?.score });
  });

  it('hybrid holds no passage twice, and says what each side gave', async () => {
    const found = await (await open({ name: 'hybrid', corpus, candidates: 20 })).retrieve(query, 30);
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    expect(found.length).toBeGreaterThan(20);
    const [best] = found;
    expect(Object.keys(best?.stages ?? {}).sort()).toEqual(['bm25', 'dense', 'hybrid']);
    // First on both sides: 1/61 + 1/61 (Cormack et al. 2009).
    expect(best?.score).toBeCloseTo(2 / 61, 10);
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((x, y) => y - x));
  });

  it('reranked orders by the cross-encoder alone, over what the first stage found', async () => {
    const first = { name: 'dense', corpus };
    const before = await (await open(first)).retrieve(query, 12);
    const reference = { name: 'reranked', first, crossEncoder: labModels.crossEncoder, candidates: 12 };
    const after = await (await open(reference)).retrieve(query, 12);
    expect(ids(after).sort()).toEqual(ids(before).sort());
    expect(after[0]?.documentId).toBe('vera-harker');
    for (const { score, stages } of after) expect(stages.reranked).toBe(score);
    expect(after.map(({ score }) => score)).toEqual(after.map(({ score }) => score).sort((x, y) => y - x));
  });

  it('share what they are made of: one corpus, one model', async () => {
    const [a, b] = await Promise.all([open({ name: 'dense', corpus }), open({ name: 'dense', corpus })]);
    expect(a).toBe(b);
  });

  it('tell apart what can change what is found', async () => {
    const references = [
      { name: 'dense', corpus },
      { name: 'bm25', corpus },
      { name: 'hybrid', corpus },
      { name: 'hybrid', corpus, fusion: 'weighted' },
      { name: 'hybrid', corpus, candidates: 10 },
      { name: 'dense', corpus, index: { name: 'lancedb', kind: 'hnsw' } },
    ];
    const fingerprints = await Promise.all(references.map(async (one) => (await open(one)).fingerprint));
    expect(new Set(fingerprints).size).toBe(references.length);
  });

  it.each(['', '   ', '"', 'AND OR NOT', '((((', 'x'.repeat(20_000), '🎉🎉', '\u0000', "'; drop table chunks; --"])(
    'take any query: %j',
    async (odd) => {
      for (const name of ['dense', 'bm25', 'hybrid']) {
        expect(Array.isArray(await (await open({ name, corpus })).retrieve(odd, 3))).toBe(true);
      }
    },
  );
});

describe('an index that goes away', () => {
  it('is a RetrievalError, not an empty list', async () => {
    const own = createComponentPool({ ...surroundingsIn(dir), cacheDir: join(dir, 'other') });
    const retrievers = await Promise.all(
      ['dense', 'bm25'].map((name) => own.retriever(parseComponent('test', 'retriever', { name, corpus }))),
    );
    expect(await retrievers[0]?.retrieve('Vera Harker', 3)).toHaveLength(3);
    await rm(join(dir, 'other', 'indexes'), { recursive: true });
    for (const retriever of retrievers) {
      await expect(retriever.retrieve('Mira Tolan', 3)).rejects.toThrow(RetrievalError);
    }
    await own.close();
  });
});
