import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Store } from '../store.ts';

/** `forge worker` as its users start it: a process of its own. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves once it says that it takes shards. */
  readonly ready: Promise<void>;
  /** Sends a signal and waits for its end. */
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

export function startWorker(options: {
  cwd: string;
  url: string;
  args?: readonly string[];
  /** Program and arguments before it, e.g. to put it into a network of its own. */
  within?: readonly string[];
  /** Arguments of Node itself. */
  node?: readonly string[];
}): WorkerProcess {
  const { cwd, url, args = [], within = [], node = [] } = options;
  const [program = process.execPath, ...before] = [...within, process.execPath];
  const child = spawn(
    program,
    [...before, ...node, main, 'worker', '--lost-after', '3', '--private-host', '127.0.0.1:*', ...args],
    {
      cwd,
      env: { ...process.env, DATABASE_URL: url, FORGE_HOME: join(cwd, '.forge') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  const ready = Promise.withResolvers<void>();
  // Not every test waits for it.
  ready.promise.catch(() => {});
  const read = (text: string) => {
    printed += text;
    if (printed.includes('takes shards')) ready.resolve();
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const ended = once(child, 'close').then(([code, signal]) => {
    ready.reject(new Error(`the worker ended before it took shards: ${printed}`));
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return {
    child,
    output: () => printed,
    ready: ready.promise,
    ended,
    stop(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** A folder with rows and an experiment of two variants against a stub server. */
export interface WorkerStage {
  readonly dir: string;
  readonly yaml: string;
  close(): Promise<void>;
}

export async function createWorkerStage(options: {
  rows: number;
  baseUrl: string;
  concurrency?: number;
  variants?: string;
}): Promise<WorkerStage> {
  const { rows, baseUrl, concurrency = 4 } = options;
  const dir = await mkdtemp(join(tmpdir(), 'forge-workers-'));
  const lines = Array.from({ length: rows }, (_, i) => ({
    question: `Number ${i} is ${i % 2 === 0 ? 'even' : 'odd'}?`,
    answer: i % 3 === 0 ? 'even' : 'odd',
  }));
  await writeFile(join(dir, 'rows.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const yaml = `version: 1
name: staged
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: openai-compatible, baseUrl: '${baseUrl}', model: stub, api: completions, concurrency: ${concurrency}, maxRetries: 8 }
metrics: [exact-match, f1]
cache: false
variants:
${options.variants ?? "  plain: { method: naive }\n  other: { method: { name: naive, template: 'What? {question}' } }"}
`;
  await writeFile(join(dir, 'staged.yaml'), yaml);
  return { dir, yaml, close: () => rm(dir, { recursive: true, force: true }) };
}

/** Asks until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}

export const isDone = async (store: Store, experimentId: string) =>
  (await store.listRuns(experimentId)).every(({ status }) => status === 'finished' || status === 'failed') &&
  (await store.queueEntries()).every((entry) => entry.experimentId !== experimentId);

/** The rows of an experiment without its times: what must be the same however they came about. */
export async function outcomeOf(store: Store, experimentId: string) {
  const runs = [];
  for (const run of await store.listRuns(experimentId)) {
    const rows = [];
    for (let after: string | undefined; ; ) {
      const page = await store.listResults(run.id, {}, { limit: 1000, ...(after === undefined ? {} : { after }) });
      for (const { latencyMs: _, finishedAt: __, calls, ...row } of page.items)
        rows.push({ ...row, calls: calls.map(({ timing: ___, retries: ____, ...call }) => call) });
      if (page.next === null) break;
      after = page.next;
    }
    runs.push({ variant: run.variant, status: run.status, total: run.total, rows });
  }
  return runs;
}
