/**
 * Scores the lab encoders on what was held out: `node models/lab-encoders/score.ts [embedder] [cross-encoder] [nli]`, each the folder of
 * a model, the bundled one when left out, `-` for none. Prints one JSON line for each figure, shares with their 95 % interval (Wilson).
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createComponentPool } from '../../packages/forge/src/component-pool.ts';
import type { Surroundings } from '../../packages/forge/src/definition.ts';
import { parseComponent } from '../../packages/forge/src/load-experiment.ts';
import { wilsonEstimate } from '../../packages/forge/src/statistics/estimate.ts';

const world = join(import.meta.dirname, '../../datasets/lab-world');
const rowsOf = <T>(file: string) =>
  readFileSync(join(world, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

const [embedder, crossEncoder, nli] = ['embedder', 'cross-encoder', 'nli'].map((name, i) => {
  const given = process.argv[2 + i];
  return given === '-' ? undefined : resolve(given ?? join(import.meta.dirname, name));
});

const print = (figure: string, found: object) => process.stdout.write(`${JSON.stringify({ figure, ...found })}\n`);
const share = (figure: string, right: number, n: number) => {
  const { value, low, high } = wilsonEstimate(right, n);
  print(figure, { n, value, low, high });
};

/** The rank of each question's document, from 1; infinite where it is not found. */
async function ranks(retriever: { retrieve(query: string, topK: number): Promise<readonly { documentId: string }[]> }) {
  const found = [];
  for (const { question, gold } of rowsOf<{ question: string; gold: string[] }>('documents.test.jsonl')) {
    const at = (await retriever.retrieve(question, 10)).findIndex(({ documentId }) => gold.includes(documentId));
    found.push(at < 0 ? Number.POSITIVE_INFINITY : at + 1);
  }
  return found;
}

const dir = await mkdtemp(join(tmpdir(), 'lab-encoders-'));
const surroundings: Surroundings = { baseDir: dir, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify() {} };
const pool = createComponentPool(surroundings);
try {
  const reference = { name: 'sentence-transformer', model: embedder ?? join(import.meta.dirname, 'embedder') };
  const sources = [{ path: join(world, 'corpus.jsonl') }];
  await writeFile(
    join(dir, 'lab.yaml'),
    JSON.stringify({ version: 1, name: 'lab', sources, embedder: reference, index: 'lancedb' }),
  );
  const corpus = 'lab.yaml';
  if (embedder !== undefined) {
    const found = await ranks(await pool.retriever(parseComponent('score', 'retriever', { name: 'dense', corpus })));
    for (const k of [1, 5]) share(`embedder, recall@${k}`, found.filter((rank) => rank <= k).length, found.length);
  }
  if (crossEncoder !== undefined) {
    const reranked = {
      name: 'reranked',
      first: { name: 'bm25', corpus },
      crossEncoder: { name: 'cross-encoder', model: crossEncoder },
      candidates: 10,
    };
    const found = await ranks(await pool.retriever(parseComponent('score', 'retriever', reranked)));
    const value = found.reduce((sum, rank) => sum + 1 / rank, 0) / found.length;
    print('cross-encoder, MRR over 10 candidates of BM25', { n: found.length, value });
  }
  if (nli !== undefined) {
    const rows = rowsOf<{ premise: string; claim: string; label: string }>('faithfulness.test.jsonl');
    const model = await pool.nli(parseComponent('score', 'nli', { name: 'nli-classifier', model: nli }));
    const judged = await model.judge(rows.map(({ premise, claim }) => ({ premise, hypothesis: claim })));
    const right = rows.filter(({ label }, i) => (label === 'supported') === (judged[i]?.entailment ?? 0) > 0.5);
    // As many claims are supported as not: accuracy is balanced accuracy.
    share('nli, balanced accuracy', right.length, rows.length);
  }
} finally {
  await pool.close();
  await rm(dir, { recursive: true, force: true });
}
