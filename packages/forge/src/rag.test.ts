import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forge } from './testing/forge-process.ts';
import { labModels, root } from './testing/lab-encoders.ts';
import { startQdrantServer } from './testing/qdrant-server.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-rag-'));
  await writeFile(
    join(dir, 'lab.yaml'),
    JSON.stringify({
      version: 1,
      name: 'lab',
      sources: [{ path: join(root, 'datasets/lab-world/corpus.jsonl') }],
      embedder: labModels.embedder,
    }),
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const experiment = (index: string, more = '') => `version: 1
name: rag
dataset: { name: lab-world, split: documents }
sample: 40
engine: { name: scripted, default: 'hunter', latencyMs: 30, concurrency: 2 }
method: { name: rag, topK: 3 }
metrics: [recall, mrr, { name: faithfulness, nli: ${JSON.stringify(labModels.nli)} }]
variants:
  none: { method: { retriever: none } }
  dense: { method: { retriever: { name: dense, corpus: lab.yaml, index: ${index} } } }
  reranked:
    method:
      retriever:
        name: reranked
        first: { name: hybrid, corpus: lab.yaml, index: ${index} }
        crossEncoder: ${JSON.stringify(labModels.crossEncoder)}
        candidates: 10
compare: { baseline: none, metric: recall }
${more}`;

interface Finding {
  readonly runs: {
    run: { variant: string; status: string; provenance: { components?: Record<string, string> } };
    summary: {
      n: number;
      failed: { total: number; byKind: Record<string, number> };
      metrics: Record<string, { value: number }>;
    };
  }[];
}

async function run(source: string, env: Record<string, string>, more: Partial<Parameters<typeof forge>[1]> = {}) {
  if (!(await readFile(join(dir, 'rag.yaml'), 'utf8').catch(() => '')).startsWith(source)) await unpin();
  await writeFile(join(dir, 'rag.yaml'), source);
  const result = await forge(['run', 'rag.yaml', '--json'], { cwd: dir, env, ...more });
  return { ...result, finding: (result.stdout === '' ? { runs: [] } : JSON.parse(result.stdout)) as Finding };
}
/** Another experiment, another lock. */
const unpin = () => rm(join(dir, 'rag.lock.json'), { force: true });
const runOf = (finding: Finding, variant: string) => finding.runs.find((one) => one.run.variant === variant);

describe('an ablation of retrievers', () => {
  it('on Qdrant makes the right calls, and finds what LanceDB finds', async () => {
    const server = await startQdrantServer();
    const env = { FORGE_HOME: join(dir, 'home'), QDRANT_URL: server.url };
    const onQdrant = await run(experiment('qdrant'), env);
    expect(onQdrant.stderr).not.toContain('forge:');
    const asked = (using: string) =>
      server.calls.filter(({ path, body }) => path.endsWith('/query') && body.using === using);
    // 40 questions by dense and by hybrid; hybrid asks for words too.
    expect(asked('dense')).toHaveLength(80);
    expect(asked('words')).toHaveLength(40);
    expect(asked('dense')[0]?.body).toMatchObject({ limit: 3, with_payload: true });
    expect(asked('words')[0]?.body).toMatchObject({ limit: 50 });
    expect(server.collections.get('lab')?.points.size).toBe(300);
    await server.close();
    const onLance = await run(experiment('lancedb'), env);
    for (const { finding } of [onQdrant, onLance]) {
      expect(runOf(finding, 'none')?.summary.metrics).toMatchObject({
        recall: { value: 0 },
        faithfulness: { value: 0 },
      });
      expect(runOf(finding, 'dense')?.summary.metrics.recall?.value).toBeGreaterThan(0.95);
      expect(runOf(finding, 'reranked')?.summary.metrics.mrr?.value).toBeGreaterThan(0.95);
      expect(Object.keys(runOf(finding, 'reranked')?.run.provenance.components ?? {}).sort()).toEqual([
        'faithfulness',
        'retriever',
      ]);
    }
  }, 120_000);

  it('counts examples as failed when Qdrant goes away in the middle, and says why', async () => {
    const server = await startQdrantServer();
    const env = { FORGE_HOME: join(dir, 'home-2'), QDRANT_URL: server.url };
    const timer = setInterval(() => {
      if (server.calls.filter(({ path }) => path.endsWith('/query')).length > 10) void server.close();
    }, 20);
    const { finding, code } = await run(experiment('{ name: qdrant, retries: 1 }'), env);
    clearInterval(timer);
    const { summary } = runOf(finding, 'dense') as Finding['runs'][number];
    expect(summary.n).toBe(40);
    expect(summary.failed.total).toBeGreaterThan(10);
    expect(summary.failed.byKind).toEqual({ 'retrieval-error': summary.failed.total });
    expect(summary.metrics.recall?.value).toBeLessThan(1);
    // Every example of the next run failed.
    expect(code).toBe(3);
  }, 120_000);

  it('counts examples as failed when the index is deleted during the run', async () => {
    const env = { FORGE_HOME: join(dir, 'home-3') };
    const source = experiment('lancedb').replace(/ {2}reranked:[\s\S]*?candidates: 10\n/, '');
    const indexes = join(dir, 'home-3', 'cache', 'indexes');
    await forge(['ingest', 'lab.yaml'], { cwd: dir, env });
    await cp(indexes, join(dir, 'kept'), { recursive: true });
    let text = '';
    const { finding } = await run(source, env, {
      onStart: (child) => {
        child.stderr?.on('data', (part) => {
          text += part;
          if (/dense {2}\d+\/40/.test(text)) setTimeout(() => void rm(indexes, { recursive: true, force: true }), 150);
        });
      },
    });
    const { summary } = runOf(finding, 'dense') as Finding['runs'][number];
    expect(summary.n).toBe(40);
    expect(summary.failed.total).toBeGreaterThan(0);
    expect(summary.failed.byKind).toEqual({ 'retrieval-error': summary.failed.total });
  }, 120_000);

  it('pins corpus, index settings and models in the lock file', async () => {
    const env = { FORGE_HOME: join(dir, 'home-4') };
    const small = experiment('lancedb', '').replace('sample: 40', 'sample: 4');
    await unpin();
    expect((await run(small, env)).code).toBe(0);
    const lock = JSON.parse(await readFile(join(dir, 'rag.lock.json'), 'utf8'));
    expect(Object.keys(lock.components)).toContain('dense retriever');
    const corpus = JSON.parse(await readFile(join(dir, 'lab.yaml'), 'utf8'));
    await writeFile(join(dir, 'lab.yaml'), JSON.stringify({ ...corpus, chunk: { tokens: 24, overlap: 4 } }));
    const changed = await run(small, env);
    await writeFile(join(dir, 'lab.yaml'), JSON.stringify(corpus));
    expect(changed.code).toBe(2);
    expect(changed.stderr).toMatch(/its retriever is not made from what the lock file pins.*--update-lock/);
  }, 120_000);

  it('a data set that names no relevant documents ends the run, with what to do', async () => {
    const env = { FORGE_HOME: join(dir, 'home-4') };
    const source = experiment('lancedb').replace('split: documents', 'split: arithmetic');
    await unpin();
    const { code, stderr } = await run(source, env);
    expect(code).toBe(2);
    expect(stderr).toMatch(/names no relevant documents \(columns\.relevant\)/);
  }, 60_000);
});
