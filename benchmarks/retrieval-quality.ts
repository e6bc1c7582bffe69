/**
 * BM25 against published figures on real data: SciFact of BEIR (nDCG@10) and the passages of SQuAD (recall@10), read from
 * ../shared/data. Prints quality, ingestion rate and the time of a query. `npm run bench:retrieval`
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createComponentPool } from '../packages/forge/src/component-pool.ts';
import { ndcgAt, recallAt, reciprocalRankAt } from '../packages/forge/src/lib/retrieval-scores.ts';
import { loadCorpus } from '../packages/forge/src/load-corpus.ts';
import { quantile } from '../packages/forge/src/statistics/quantile.ts';

interface Task {
  readonly name: string;
  readonly folder: string;
  readonly queries: string;
  readonly qrels: string;
  readonly figure: 'nDCG@10' | 'recall@10';
  readonly target: number;
  /** Of the literature, where there is one: Thakur et al. 2021 (BEIR, https://arxiv.org/abs/2104.08663). */
  readonly published?: number;
}

const shared = resolve(import.meta.dirname, '..', '..', 'shared', 'data');
const tasks: readonly Task[] = [
  {
    name: 'SciFact',
    folder: join(shared, 'scifact'),
    queries: 'queries.test.jsonl',
    qrels: 'qrels.test.tsv',
    figure: 'nDCG@10',
    target: 0.66,
    published: 0.665,
  },
  {
    name: 'SQuAD passages',
    folder: join(shared, 'squad', 'retrieval'),
    queries: 'queries.jsonl',
    qrels: 'qrels.tsv',
    figure: 'recall@10',
    target: 0.95,
  },
];

const linesOf = async (path: string) => (await readFile(path, 'utf8')).trim().split('\n');

/** Grades by query and document: `query document grade`, with or without a header. */
async function readQrels(path: string): Promise<Map<string, Record<string, number>>> {
  const qrels = new Map<string, Record<string, number>>();
  for (const line of await linesOf(path)) {
    const [query = '', document = '', grade] = line.split('\t');
    if (Number.isNaN(Number(grade))) continue;
    qrels.set(query, { ...qrels.get(query), [document]: Number(grade) });
  }
  return qrels;
}

async function measure(task: Task, dir: string): Promise<boolean> {
  const corpus = {
    version: 1,
    name: task.name.toLowerCase().replaceAll(' ', '-'),
    sources: [{ path: join(task.folder, 'corpus.jsonl'), columns: { id: '_id' } }],
    chunk: { tokens: 4096, overlap: 0 },
    embedder: 'none',
  };
  const file = join(dir, `${corpus.name}.yaml`);
  await writeFile(file, JSON.stringify(corpus));
  const surroundings = { baseDir: dir, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify: () => {} };
  const pool = createComponentPool(surroundings);
  const ingestion = await pool.ingest(await loadCorpus(file, dir));
  const retriever = await pool.retriever({ name: 'bm25', options: { corpus: file } });
  const qrels = await readQrels(join(task.folder, task.qrels));
  const sums = { 'nDCG@10': 0, 'recall@10': 0, 'MRR@10': 0 };
  const times: number[] = [];
  let count = 0;
  for (const line of await linesOf(join(task.folder, task.queries))) {
    const { _id, text } = JSON.parse(line) as { _id: string; text: string };
    const relevant = qrels.get(_id);
    if (relevant === undefined) continue;
    const started = performance.now();
    const found = await retriever.retrieve(text, 10);
    times.push(performance.now() - started);
    const ranked = { ids: [...new Set(found.map(({ documentId }) => documentId))], relevant };
    sums['nDCG@10'] += ndcgAt(10, ranked);
    sums['recall@10'] += recallAt(10, ranked);
    sums['MRR@10'] += reciprocalRankAt(10, ranked);
    count++;
  }
  await pool.close();
  const mean = (sum: number) => (sum / count).toFixed(4);
  const reached = sums[task.figure] / count >= task.target;
  const sorted = Float64Array.from(times).sort();
  const ms = (p: number) => quantile(sorted, p).toFixed(1);
  console.log(
    `${task.name}: ${ingestion.documents} documents, ${count} queries\n  ${Object.entries(sums)
      .map(([name, sum]) => `${name} ${mean(sum)}`)
      .join(
        '  ',
      )}\n  target ${task.figure} >= ${task.target}${task.published === undefined ? '' : ` (published ${task.published})`}: ${reached ? 'reached' : 'MISSED'}\n  query p50 ${ms(0.5)} ms, p95 ${ms(0.95)} ms; ingested in ${(ingestion.tookMs / 1000).toFixed(1)} s`,
  );
  return reached;
}

if (!existsSync(shared)) {
  console.log('skipped: the shared data sets are not here');
} else {
  const dir = await mkdtemp(join(tmpdir(), 'forge-bench-retrieval-'));
  try {
    for (const task of tasks) if (!(await measure(task, dir))) process.exitCode = 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
