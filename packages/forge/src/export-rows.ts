import { findingMarkdown } from './finding-text.ts';
import { readFinding } from './read-finding.ts';
import type { ExampleResult } from './run.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';

export type ExportFormat = 'jsonl' | 'csv' | 'markdown';

const pageSize = 500;

/** Every result of a run with its calls, in row order. */
export async function* allResults(store: Pick<Store, 'listResults'>, run: RunRecord): AsyncGenerator<ExampleResult> {
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

/** The rows of an experiment as lines of a file, streamed; `calls`: with every model call (jsonl only). */
export async function* exportLines(
  store: Store,
  experiment: ExperimentRecord,
  format: ExportFormat,
  options: { calls: boolean },
): AsyncGenerator<string> {
  if (format === 'markdown') {
    yield findingMarkdown(await readFinding(store, experiment));
    return;
  }
  const runs = await store.listRuns(experiment.id);
  yield* format === 'jsonl' ? jsonLines(store, experiment, runs, options.calls) : csvLines(store, runs);
}
