import { ConfigError } from '../errors.ts';
import { findingText } from '../finding-text.ts';
import { type AgentStep, agentSteps, toolErrorKinds } from '../lib/agent-trace.ts';
import { formatDuration } from '../lib/format.ts';
import type { ExperimentSpec } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { ExampleResult } from '../run.ts';
import type { ResultFilter, RunRecord, Store } from '../store.ts';
import { showBenchmark } from './bench-command.ts';
import { findExperiment } from './find-experiment.ts';
import { showTraining } from './train-command.ts';
import { openWorkspace } from './workspace.ts';

interface ShowOptions {
  readonly examples?: string;
  readonly wrong?: boolean;
  readonly failed?: boolean;
  readonly tool?: string;
  readonly toolError?: string;
  readonly example?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** Model output may hold terminal escape codes: shown, never obeyed. Line breaks and tabs stay. */
const printable = (text: string) =>
  text.replace(/(?![\n\t])\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

const oneLine = (text: string, width: number) => {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
};

function exampleLine(result: ExampleResult, metric: string): string {
  const mark = result.failure !== undefined ? '!' : (result.scores[metric] ?? 0) >= 1 ? '+' : '-';
  const outcome =
    result.failure === undefined
      ? oneLine(result.answer, 40)
      : `${result.failure.kind}: ${oneLine(result.failure.message, 60)}`;
  return `${mark} ${result.exampleId}  ${oneLine(result.question, 60)}  ->  ${outcome}  (target: ${oneLine(result.targets.join(' | '), 40)})`;
}

function toolErrorKind(given: string) {
  const kind = toolErrorKinds.find((one) => one === given);
  if (kind === undefined) throw new ConfigError(`--tool-error ${given}: no such kind; ${toolErrorKinds.join(', ')}`);
  return kind;
}

/** One step of an agent: its turn, when it began, what it did and what came of it. */
function traceLine(step: AgentStep): string {
  const did =
    step.kind === 'answer'
      ? 'answer'
      : step.kind === 'stopped'
        ? `stopped by the limit on ${step.limit}`
        : `${step.tool ?? '(not a step)'} ${oneLine(JSON.stringify(step.arguments) ?? '', 60)}`;
  const took = formatDuration(step.modelMs + (step.toolMs ?? 0));
  const error = step.error === undefined ? '' : ` [${step.error}]`;
  return `${String(step.turn).padStart(2)}. +${formatDuration(step.startedMs)} (${took})  ${did}${error}  ->  ${oneLine(step.text, 80)}`;
}

function exampleText(result: ExampleResult): string {
  const lines = [
    `example ${result.exampleId}`,
    `question: ${printable(result.question)}`,
    `targets: ${printable(result.targets.join(' | '))}`,
  ];
  const trace = agentSteps(result.steps);
  if (trace.length > 0) lines.push('', ...trace.map(traceLine));
  for (const call of result.calls) {
    const { timing, usage } = call;
    lines.push(
      `\n--- call ${call.index}: ${usage.promptTokens} + ${usage.completionTokens} tokens (${usage.cachedPromptTokens} reused), queued ${formatDuration(timing.queuedMs)}, prefill ${formatDuration(timing.prefillMs)}, decode ${formatDuration(timing.decodeMs)}${call.cached ? ', from the cache' : ''}`,
      printable(call.prompt),
      `--- output (${call.finishReason})`,
      printable(call.output),
    );
    if (call.error !== undefined) lines.push(`--- error ${call.error.kind}: ${printable(call.error.message)}`);
  }
  lines.push(
    '',
    `answer: ${printable(result.answer)}`,
    `scores: ${JSON.stringify(result.scores)}`,
    `latency: ${formatDuration(result.latencyMs)}`,
  );
  if (result.flags.length > 0) lines.push(`flags: ${result.flags.join(', ')}`);
  if (result.failure !== undefined) lines.push(`failed: ${result.failure.kind}: ${printable(result.failure.message)}`);
  return lines.join('\n');
}

async function findResult(store: Store, run: RunRecord, exampleId: string): Promise<ExampleResult> {
  const found = await store.getResult(run.id, exampleId);
  if (found !== null) return found;
  throw new ConfigError(
    `--example ${exampleId}: "${run.variant}" has no such example; --examples "${run.variant}" lists them`,
  );
}

async function showExamples(
  store: Store,
  runs: readonly RunRecord[],
  metric: string,
  options: ShowOptions,
): Promise<void> {
  const run = runs.find((one) => one.variant === options.examples || one.id === options.examples);
  if (run === undefined) {
    throw new ConfigError(
      `--examples ${options.examples}: no such variant. Known variants: ${runs.map((one) => one.variant).join(', ')}`,
    );
  }
  if (options.example !== undefined) {
    const result = await findResult(store, run, options.example);
    console.log(options.json ? JSON.stringify(result, null, 2) : exampleText(result));
    return;
  }
  const filter: ResultFilter = {
    ...(options.wrong ? { metric, belowScore: 1 } : {}),
    ...(options.failed ? { failed: true } : {}),
    ...(options.tool === undefined ? {} : { tool: options.tool }),
    ...(options.toolError === undefined ? {} : { toolError: toolErrorKind(options.toolError) }),
  };
  const page = await store.listResults(run.id, filter, { limit: options.limit });
  if (options.json) console.log(JSON.stringify(page, null, 2));
  else {
    for (const result of page.items) console.log(exampleLine(result, metric));
    if (page.next !== null) console.log('... more: raise --limit, or forge export');
  }
}

/** `forge show`: a finding, examples, one example, a training or a benchmark. Throws ConfigError. */
export async function show(id: string | undefined, options: ShowOptions): Promise<void> {
  const { examples, example, wrong, failed, tool, toolError } = options;
  if (examples === undefined && (example ?? wrong ?? failed ?? tool ?? toolError) !== undefined) {
    throw new ConfigError('--example, --wrong, --failed, --tool and --tool-error need --examples <variant>');
  }
  const { surroundings, openStore } = openWorkspace();
  const store = await openStore();
  try {
    const json = options.json === true;
    // A beginning that an experiment has too means the experiment.
    if (id !== undefined && (await store.getExperiment(id)) === null) {
      const training = await store.getTraining(id);
      if (training !== null) return await showTraining(store, training, { json, cacheDir: surroundings.cacheDir });
      const benchmark = await store.getBenchmark(id);
      if (benchmark !== null) return await showBenchmark(store, benchmark, json);
    }
    const experiment = await findExperiment(store, id);
    const { metric } = (experiment.config as ExperimentSpec).compare;
    if (options.examples !== undefined)
      return await showExamples(store, await store.listRuns(experiment.id), metric, options);
    const finding = await readFinding(store, experiment);
    console.log(json ? JSON.stringify(finding, null, 2) : findingText(finding));
  } finally {
    await store.close();
  }
}
