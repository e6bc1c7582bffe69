import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ConfigError } from '../errors.ts';
import { readFinding } from '../read-finding.ts';
import type { ExampleResult } from '../run.ts';
import type { ExperimentRecord, RunRecord, Store } from '../store.ts';
import { findExperiment } from './find-experiment.ts';
import { findingMarkdown } from './finding-text.ts';
import { openWorkspace } from './workspace.ts';

interface ExportOptions {
  readonly format: 'jsonl' | 'csv' | 'markdown';
  readonly output?: string;
  readonly calls?: boolean;
}

const pageSize = 500;

async function* allResults(store: Store, run: RunRecord): AsyncGenerator<ExampleResult> {
  let after: string | undefined;
  do {
    const page = await store.listResults(run.id, {}, { limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

function csvCell(value: unknown): string {
  let text = value === undefined || value === null ? '' : String(value);
  // A leading = + - @ would run as a formula in a spreadsheet; numbers keep their sign.
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function* csvLines(store: Store, runs: readonly RunRecord[]): AsyncGenerator<string> {
  const metrics = [
    ...new Set(runs.flatMap((run) => (run.spec as { metrics: { name: string }[] }).metrics.map((one) => one.name))),
  ];
  const header = [
    'variant',
    'example_id',
    'question',
    'targets',
    'answer',
    ...metrics,
    'latency_ms',
    'prompt_tokens',
    'completion_tokens',
    'cached',
    'flags',
    'failure',
  ];
  yield header.join(',');
  for (const run of runs) {
    for await (const row of allResults(store, run)) {
      const total = (pick: (call: ExampleResult['calls'][number]) => number) =>
        row.calls.reduce((sum, call) => sum + pick(call), 0);
      const cells = [
        run.variant,
        row.exampleId,
        row.question,
        row.targets.join(' | '),
        row.answer,
        ...metrics.map((metric) => row.scores[metric]),
        row.latencyMs.toFixed(3),
        total((call) => call.usage.promptTokens),
        total((call) => call.usage.completionTokens),
        row.calls.filter((call) => call.cached).length,
        row.flags.join(' '),
        row.failure === undefined ? '' : `${row.failure.kind}: ${row.failure.message}`,
      ];
      yield cells.map(csvCell).join(',');
    }
  }
}

async function* jsonLines(
  store: Store,
  experiment: ExperimentRecord,
  runs: readonly RunRecord[],
  calls: boolean,
): AsyncGenerator<string> {
  yield JSON.stringify({ type: 'experiment', ...experiment });
  for (const run of runs) {
    yield JSON.stringify({ type: 'run', ...run });
    for await (const result of allResults(store, run)) {
      const { calls: logged, ...row } = result;
      yield JSON.stringify({
        type: 'result',
        runId: run.id,
        variant: run.variant,
        ...row,
        ...(calls ? { calls: logged } : {}),
      });
    }
  }
}

async function writeLines(lines: AsyncIterable<string>, target: Writable): Promise<void> {
  for await (const line of lines) if (!target.write(`${line}\n`)) await once(target, 'drain');
}

export async function exportRows(id: string, options: ExportOptions): Promise<void> {
  if (options.calls && options.format !== 'jsonl')
    throw new ConfigError(`--calls: only with --format jsonl, not ${options.format}`);
  const store = await openWorkspace().openStore();
  try {
    const experiment = await findExperiment(store, id);
    const runs = await store.listRuns(experiment.id);
    async function* markdown() {
      yield findingMarkdown(await readFinding(store, experiment));
    }
    const lines =
      options.format === 'jsonl'
        ? jsonLines(store, experiment, runs, options.calls === true)
        : options.format === 'csv'
          ? csvLines(store, runs)
          : markdown();
    if (options.output === undefined) return await writeLines(lines, process.stdout);
    const file = createWriteStream(options.output);
    const written = finished(file);
    written.catch(() => {});
    try {
      await once(file, 'open');
      await writeLines(lines, file);
      file.end();
      await written;
    } catch (error) {
      throw new ConfigError(`--output ${options.output}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
    console.error(`written: ${options.output}`);
  } finally {
    await store.close();
  }
}
