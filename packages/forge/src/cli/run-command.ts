import { ConfigError } from '../errors.ts';
import { type ExecuteParts, executeRuns } from '../execute-runs.ts';
import { findingText } from '../finding-text.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { emptyLock, type Lock, lockPathOf, readLock, writeLock } from '../lib/lock-file.ts';
import { type ExperimentSpec, loadExperiment, storedForm } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { ExperimentRecord, RunRecord, Store } from '../store.ts';
import { findExperiment } from './find-experiment.ts';
import { type LogChoice, logProgress, openLog } from './logging.ts';
import { createProgress } from './progress.ts';
import { ExitCode } from './report-error.ts';
import { openRunTraces } from './run-traces.ts';
import { stopSignal } from './stop-signal.ts';
import { openWorkspace } from './workspace.ts';

interface RunOptions extends LogChoice {
  readonly sample?: number;
  readonly cache: boolean;
  readonly updateLock?: boolean;
  readonly json?: boolean;
}

interface Job {
  readonly experiment: ExperimentRecord;
  readonly runs: readonly RunRecord[];
  readonly lock?: { lock: Lock; path: string };
}

/** Executes what is left of an experiment and shows progress on stderr. Throws ExitCode where it was stopped. */
export async function execute(
  store: Store,
  job: Job,
  { workspace, progress, log }: ReturnType<typeof startWorkspace>,
): Promise<void> {
  const spec = job.experiment.config as ExperimentSpec;
  const signal = stopSignal();
  const parts: ExecuteParts = {
    store,
    surroundings: workspace.surroundings,
    clock: workspace.clock,
    random: workspace.random,
    origin: await workspace.origin(),
    signal,
    ...(spec.pricing === undefined ? {} : { pricing: spec.pricing }),
    ...(job.lock === undefined ? {} : { lock: job.lock.lock }),
  };
  const traces = openRunTraces(workspace, store, log);
  const { configHash } = job.experiment;
  for await (const event of executeRuns({ configHash, runs: job.runs, compare: spec.compare }, parts)) {
    progress.event(event);
    traces?.event(event);
    if (event.type === 'run-started' && job.lock !== undefined) await writeLock(job.lock.path, job.lock.lock);
  }
  await traces?.close();
  const id = job.experiment.id;
  if (signal.aborted) {
    console.error(`stopped; nothing finished is lost. Go on with: forge resume ${id}`);
    throw new ExitCode(130);
  }
}

/** Prints the finding on stdout. Throws ExitCode where every example of a run failed. */
async function printFinding(store: Store, { experiment }: Job, json: boolean): Promise<void> {
  const { id } = experiment;
  const finding = await readFinding(store, experiment);
  console.log(json ? JSON.stringify(finding, null, 2) : findingText(finding));
  const hopeless = finding.runs.find(
    ({ summary }) => summary !== null && summary.n > 0 && summary.failed.total === summary.n,
  );
  if (hopeless !== undefined) {
    console.error(
      `every example of "${hopeless.run.variant}" failed; see: forge show ${id} --examples "${hopeless.run.variant}"`,
    );
    throw new ExitCode(3);
  }
}

/** A workspace with its progress display; `metric` names the score that is shown. */
export function startWorkspace(metric: () => string, options: LogChoice) {
  let progress: ReturnType<typeof createProgress> | undefined;
  const workspace = openWorkspace((notice) => progress?.notice(notice));
  const log = openLog(options, workspace.surroundings.env);
  const { monotonic } = workspace.clock;
  progress =
    options.logFormat === 'json' ? logProgress(log, monotonic) : createProgress(process.stderr, metric, monotonic);
  return { workspace, progress, log };
}

/** `forge run`: executes a file and prints its finding. Throws ConfigError and ExitCode. */
export async function run(file: string, options: RunOptions): Promise<void> {
  const loaded = await loadExperiment(file);
  const started = startWorkspace(() => loaded.spec.compare.metric, options);
  const path = lockPathOf(file);
  const lock = options.updateLock ? emptyLock() : await readLock(path);
  const store = await started.workspace.openStore();
  try {
    const variants = loaded.spec.variants.map((variant) => ({
      ...variant,
      cache: variant.cache && options.cache,
      sample: options.sample ?? variant.sample,
    }));
    const config = { ...loaded.spec, variants };
    const changed = { ...loaded, spec: config, configHash: contentHash(config) };
    const { experiment, runs } = await store.createExperiment(storedForm(changed));
    const job = { experiment, runs, lock: { lock, path } };
    await execute(store, job, started);
    await printFinding(store, job, options.json === true);
  } finally {
    await store.close();
  }
}

/** `forge resume`: goes on with an experiment, the latest without an id. Throws ConfigError and ExitCode. */
export async function resume(id: string | undefined, options: LogChoice & { json?: boolean }): Promise<void> {
  let metric = '';
  const started = startWorkspace(() => metric, options);
  const store = await started.workspace.openStore();
  try {
    const experiment = await findExperiment(store, id);
    metric = (experiment.config as ExperimentSpec).compare.metric;
    if (experiment.deletedAt !== null) {
      throw new ConfigError(
        `experiment ${experiment.id} is deleted; bring it back with: forge delete --restore ${experiment.id}`,
      );
    }
    const job = { experiment, runs: await store.listRuns(experiment.id) };
    await execute(store, job, started);
    await printFinding(store, job, options.json === true);
  } finally {
    await store.close();
  }
}
