import { existsSync } from 'node:fs';
import { compareRepetitions, type RunRepetition } from '../compare-repetition.ts';
import { ConfigError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { formatCount, textTable } from '../lib/format.ts';
import type { ExperimentSpec } from '../load-experiment.ts';
import { importExperiment } from '../stores/transfer/import-experiment.ts';
import { findExperiment } from './find-experiment.ts';
import type { LogChoice } from './logging.ts';
import { openDatabase } from './open-database.ts';
import { ExitCode } from './report-error.ts';
import { execute, startWorkspace } from './run-command.ts';

const shownCharacters = 80;
const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, shownCharacters);

function differences({ variant, changed, provenance }: RunRepetition): string[] {
  const examples = changed.map(
    ({ exampleId, before, after }) =>
      `${variant}, example ${exampleId}: ${before === null ? 'not there' : JSON.stringify(oneLine(before.answer))} before, ${after === null ? 'not there' : JSON.stringify(oneLine(after.answer))} now`,
  );
  const made = Object.entries(provenance).map(
    ([key, { before, after }]) =>
      `${variant}, ${key}: ${oneLine(before) || 'nothing'} before, ${oneLine(after) || 'nothing'} now`,
  );
  return [...examples, ...made];
}

const isSame = ({ examples, sameOutputs, sameScores }: RunRepetition) =>
  sameOutputs === examples && sameScores === examples;

/** For people: a line for each run and metric, what differs, and a verdict. */
function repetitionText(runs: readonly RunRepetition[]): string {
  const rows = runs.flatMap((run) =>
    Object.entries(run.metrics).map(([metric, { before, after }]) => [
      run.variant,
      metric,
      before.toFixed(4),
      after.toFixed(4),
      `${formatCount(run.sameOutputs)} of ${formatCount(run.examples)}`,
      `${formatCount(run.sameScores)} of ${formatCount(run.examples)}`,
    ]),
  );
  const table = textTable(['run', 'metric', 'before', 'now', 'same outputs', 'same scores'], rows);
  const verdict = runs.every(isSame)
    ? 'reproduced bit for bit: every output and every score is the same'
    : runs.every(({ examples, sameScores }) => sameScores === examples)
      ? 'reproduced: every score is the same, outputs differ'
      : 'differs';
  return [table, ...runs.flatMap(differences), verdict].join('\n');
}

/** The id of the experiment that a file of `forge export --all` holds, which is taken in where it is not here yet. */
async function takeIn(file: string, { workspace }: ReturnType<typeof startWorkspace>): Promise<string> {
  const connection = await openDatabase(workspace);
  try {
    return (await importExperiment(connection.query, file, { now: workspace.clock.now() })).experimentId;
  } finally {
    await connection.close();
  }
}

/**
 * Runs a stored or exported experiment again, without the response cache, and says what differs. Throws ExitCode 1 where a score
 * does.
 */
export async function reproduce(given: string | undefined, options: LogChoice & { json?: boolean }): Promise<void> {
  let metric = '';
  const started = startWorkspace(() => metric, options);
  const isFile = given !== undefined && existsSync(given);
  const id = isFile ? await takeIn(given, started) : given;
  const store = await started.workspace.openStore();
  try {
    const before = await findExperiment(store, id);
    const unfinished = (await store.listRuns(before.id)).find(({ status }) => status !== 'finished');
    if (unfinished !== undefined)
      throw new ConfigError(
        `run "${unfinished.variant}" is ${unfinished.status}: there is nothing whole to repeat; finish it with: forge resume ${before.id}`,
      );
    const spec = before.config as ExperimentSpec;
    metric = spec.compare.metric;
    const variants = spec.variants.map((variant) => ({ ...variant, cache: false }));
    const config = { ...spec, variants };
    const { experiment, runs } = await store.createExperiment({
      name: before.name,
      source: before.source,
      config,
      configHash: contentHash(config),
      runs: variants.map((variant) => ({ variant: variant.variant, spec: variant })),
    });
    await execute(store, { experiment, runs }, started);
    const compared = await compareRepetitions(store, before.id, experiment.id);
    const report = { experiment: before.id, repetition: experiment.id, runs: compared };
    console.log(options.json ? JSON.stringify(report, null, 2) : repetitionText(compared));
    if (compared.some(({ examples, sameScores }) => sameScores !== examples)) throw new ExitCode(1);
  } finally {
    await store.close();
  }
}
