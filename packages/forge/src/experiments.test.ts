import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isBenchmarkText } from './load-benchmark.ts';
import { isTrainingText } from './load-training.ts';
import type { Finding } from './read-finding.ts';
import { forge } from './testing/forge-process.ts';
import { startHubServer } from './testing/hub-server.ts';
import { hasSharedData, sharedData } from './testing/shared-data.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
// cli/train.test.ts runs the trainings, cli/bench.test.ts the benchmark.
const files = readdirSync(join(root, 'experiments')).filter((file) => {
  if (!file.endsWith('.yaml')) return false;
  const text = readFileSync(join(root, 'experiments', file), 'utf8');
  return !isTrainingText(text) && !isBenchmarkText(text);
});
const ofHub = ['gsm8k.yaml', 'squad.yaml'];

let home: string;
let hub: Awaited<ReturnType<typeof startHubServer>> | undefined;

/** The real rows of the shared data in the files and columns that the hub has them in. */
async function serveSharedData() {
  const gsm8k = readFileSync(join(sharedData, 'gsm8k/test.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { question: string; answer: string });
  interface Squad {
    data: {
      title: string;
      paragraphs: {
        context: string;
        qas: { id: string; question: string; answers: { text: string; answer_start: number }[] }[];
      }[];
    }[];
  }
  const squad = (JSON.parse(readFileSync(join(sharedData, 'squad/dev-v1.1.json'), 'utf8')) as Squad).data.flatMap(
    ({ title, paragraphs }) =>
      paragraphs.flatMap(({ context, qas }) =>
        qas.map(({ id, question, answers }) => ({
          id,
          title,
          context,
          question,
          answers: { text: answers.map((one) => one.text) },
        })),
      ),
  );
  const text = (name: string, data: readonly string[]) => ({ name, data: [...data], type: 'STRING' as const });
  const gsm8kFile = parquetWriteBuffer({
    columnData: [
      text(
        'question',
        gsm8k.map((row) => row.question),
      ),
      text(
        'answer',
        gsm8k.map((row) => row.answer),
      ),
    ],
  });
  return startHubServer([
    { kind: 'dataset', repo: 'openai/gsm8k', files: { 'main/test-00000-of-00001.parquet': Buffer.from(gsm8kFile) } },
    {
      kind: 'dataset',
      repo: 'rajpurkar/squad',
      files: { 'plain_text/validation.jsonl': Buffer.from(squad.map((row) => `${JSON.stringify(row)}\n`).join('')) },
    },
  ]);
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forge-experiments-'));
  if (hasSharedData) hub = await serveSharedData();
});
afterAll(async () => {
  await hub?.close();
  await rm(home, { recursive: true, force: true });
});

describe('every experiment of the repository runs on the real lab model', () => {
  it.each(files)('%s', async (file) => {
    if (ofHub.includes(file) && hub === undefined)
      return expect(hasSharedData, 'skipped: the shared data is absent').toBe(false);
    const env = { FORGE_HOME: home, ...(hub === undefined ? {} : { HF_ENDPOINT: hub.url }) };
    // Nothing is written beside the file: a copy is run.
    const copy = join(home, file);
    await copyFile(join(root, 'experiments', file), copy);
    const { code, stdout, stderr } = await forge(['run', copy, '--sample', '6', '--json'], { cwd: root, env });
    expect(stderr).not.toContain('forge:');
    expect(code).toBe(0);
    const finding = JSON.parse(stdout);
    expect(finding.runs.length).toBeGreaterThanOrEqual(2);
    for (const { run, summary } of finding.runs) {
      expect(run.status).toBe('finished');
      expect(summary).toMatchObject({ n: 6, failed: { total: 0 } });
    }
    expect(finding.comparisons.length).toBeGreaterThanOrEqual(1);
  });
});

it('experiments/early-stop.yaml asks the lab model no more than it takes to tell', async () => {
  const copy = join(home, 'early-stop.yaml');
  await copyFile(join(root, 'experiments/early-stop.yaml'), copy);
  const { code, stdout } = await forge(['run', copy, '--json'], { cwd: root, env: { FORGE_HOME: home } });
  expect(code).toBe(0);
  const { runs, comparisons } = JSON.parse(stdout) as Finding;
  for (const { run, summary } of runs) {
    expect(run).toMatchObject({ status: 'finished', total: 200 });
    expect(summary?.n).toBe(24);
  }
  const [found] = comparisons;
  expect(found).toMatchObject({ verdict: 'better', pairs: 24, stop: { most: 200 } });
  expect(found?.difference).toMatchObject({ method: 'hedged-capital', level: 0.95 });
  // What all 200 say, in README.md.
  expect(found?.difference.low).toBeLessThan(0.795);
  expect(found?.difference.high).toBeGreaterThan(0.795);
});
