import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createCorpora } from '../api/corpora.ts';
import { lendDatabase } from '../api/database-door.ts';
import { createJobs, type Jobs } from '../api/jobs.ts';
import { createLiveSummaries } from '../api/live-summary.ts';
import { createMetrics } from '../api/metrics.ts';
import { createQueuedJobs } from '../api/queued-jobs.ts';
import { startServer } from '../api/server.ts';
import { createCompareThread } from '../compare-thread.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { findingText } from '../finding-text.ts';
import { forgeVersion, root } from '../lib/installation.ts';
import { type ExperimentSpec, loadExperiment, storedForm } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { Store } from '../store.ts';
import { createStore } from '../stores/database-store.ts';
import type { PgliteConnection } from '../stores/pglite.ts';
import { type LogChoice, logProgress, openLog } from './logging.ts';
import { createProgress } from './progress.ts';
import { type ReachOptions, reachOf } from './reach.ts';
import { openRunTraces } from './run-traces.ts';
import { findServer, removeServerFile, writeServerFile } from './server-file.ts';
import { openWorkspace } from './workspace.ts';

interface ServeOptions extends LogChoice, ReachOptions {
  readonly host: string;
  readonly port?: number;
  readonly allowHost?: readonly string[];
  readonly access: 'auto' | 'required';
  readonly publicReadOnly?: boolean;
  readonly trustProxy?: number;
  readonly run?: string;
  readonly open?: boolean;
  readonly queue?: boolean;
}

const defaultPort = 4040;
const dashboard = join(root, 'packages', 'dashboard', 'out');
const guide = join(root, 'build', 'docs');

/** Where there is a person in front of a screen. */
function hasDesktop(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.CI !== undefined || process.stdout.isTTY !== true) return false;
  return process.platform !== 'linux' || env.DISPLAY !== undefined || env.WAYLAND_DISPLAY !== undefined;
}

async function openBrowser(url: string): Promise<void> {
  try {
    const { default: open } = await import('open');
    const opened = await open(url);
    opened.on('error', () => {});
  } catch {
    // The address is printed either way.
  }
}

const interrupted = 'interrupted: the process that executed it ended';

/** Runs that a process with this database was executing when it was killed: nobody else can have it open. */
async function closeInterruptedRuns(store: Store, now: number): Promise<void> {
  let after: string | undefined;
  do {
    const page = await store.listExperiments(
      { status: 'running', deleted: 'include' },
      { limit: 100, ...(after === undefined ? {} : { after }) },
    );
    for (const run of page.items.length === 0 ? [] : await store.listRuns(...page.items.map(({ id }) => id))) {
      if (run.status !== 'running') continue;
      const end = { status: 'cancelled' as const, error: interrupted, wallMs: 0, finishedAt: now };
      await store.finishRun(run.id, { ...end, summary: run.summary });
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** The same for trainings. */
async function closeInterruptedTrainings(store: Store, now: number): Promise<void> {
  let after: string | undefined;
  do {
    const page = await store.listTrainings({ limit: 100, ...(after === undefined ? {} : { after }) });
    for (const run of await store.listTrainingRuns(...page.items.map(({ id }) => id))) {
      if (run.status !== 'running') continue;
      const { artifacts, outcome } = run;
      const end = { status: 'cancelled' as const, error: interrupted, wallMs: 0, finishedAt: now };
      await store.finishTrainingRun(run.id, { ...end, artifacts, outcome });
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** Runs a file as `forge run` would, in the server: the dashboard shows it live. Prints the finding. */
async function runFirst(file: string, store: Store, jobs: Jobs, say: (text: string) => void): Promise<void> {
  const loaded = await loadExperiment(file);
  const same = await store.listExperiments({ text: loaded.spec.name, status: 'finished' }, { limit: 100 });
  const earlier = same.items.find((one) => one.configHash === loaded.configHash);
  const experiment = earlier ?? (await store.createExperiment(storedForm(loaded))).experiment;
  if (earlier === undefined) {
    await jobs.start(experiment.id);
    await jobs.ended(experiment.id);
  }
  const finding = await readFinding(store, experiment);
  say(findingText(finding));
  const failed = finding.runs.find(({ run }) => run.status === 'failed');
  if (failed !== undefined) say(`${failed.run.variant} failed: ${failed.run.error}`);
}

/** Resolves at the first Ctrl-C or SIGTERM; the second ends the process at once. */
function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(130);
      asked = true;
      process.stderr.write('\nstopping; what is finished is kept, and goes on with the next forge serve\n');
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

const accessOf = ({ access, publicReadOnly, trustProxy }: ServeOptions) => ({
  required: access === 'required',
  publicReadOnly: publicReadOnly === true,
  proxies: trustProxy ?? 0,
  randomBytes,
});

/** `forge serve`: dashboard and API until a signal. Throws ConfigError. */
export async function serve(options: ServeOptions): Promise<void> {
  let metric = '';
  let progress: ReturnType<typeof createProgress> | undefined;
  const workspace = openWorkspace((notice) => progress?.notice(notice));
  const { home, database, clock, random } = workspace;
  const token = database === 'embedded' ? randomBytes(32).toString('base64url') : null;
  const asJson = options.logFormat === 'json';
  const events = openLog(options, workspace.surroundings.env, token === null ? [] : [token]);
  progress = asJson
    ? logProgress(events, clock.monotonic)
    : createProgress(process.stderr, () => metric, clock.monotonic);
  const surroundings = { ...workspace.surroundings, ...reachOf(options, home) };
  const running = database === 'embedded' ? await findServer(home) : undefined;
  if (running !== undefined) {
    console.log(`LLM Forge is running already: ${running.url}`);
    if (options.open && hasDesktop(surroundings.env)) await openBrowser(running.url);
    return;
  }
  if (!existsSync(dashboard)) {
    throw new ConfigError(`${dashboard}: the dashboard is not built; build it with: npm run build:dashboard`);
  }
  if (options.queue && database === 'embedded')
    throw new ConfigError(
      '--queue: workers need a database that many processes can use; set DATABASE_URL to a Postgres',
    );
  const log = (message: string) => events.error(message);
  const connection = await workspace.openOwnDatabase();
  const store = workspace.redacting(createStore(connection, { now: clock.now, randomBytes }));
  const compareThread = createCompareThread();
  const origin = await workspace.origin();
  const jobs = options.queue
    ? await createQueuedJobs({ store, log, version: forgeVersion, name: `${hostname()}:${process.pid}` })
    : createJobs({ store, surroundings, clock, random, origin, log, compute: compareThread.compare });
  jobs.onEvent((_, event) => {
    if (event === null) return;
    if (event.type === 'run-started') void nameMetric(event.runId);
    progress?.event(event);
  });
  async function nameMetric(runId: string): Promise<void> {
    const run = await store.getRun(runId);
    const experiment = run === null ? null : await store.getExperiment(run.experimentId);
    metric = (experiment?.config as ExperimentSpec | undefined)?.compare.metric ?? '';
  }
  const metrics = createMetrics({ store, jobs, version: forgeVersion, monotonic: clock.monotonic });
  const traces = openRunTraces(workspace, store, events);
  jobs.onEvent((_, event) => {
    if (event === null) return;
    metrics.runEvent(event);
    traces?.event(event);
  });
  const observation = { metrics, log: events, monotonic: clock.monotonic };
  const stopped = stopRequest();
  try {
    if (database === 'embedded') {
      await closeInterruptedRuns(store, clock.now());
      await closeInterruptedTrainings(store, clock.now());
    }
    const liveSummary = createLiveSummaries(store, clock);
    const lent = 'copyTo' in connection ? { database: lendDatabase(connection as PgliteConnection, home) } : {};
    const { host, port = defaultPort, allowHost = [] } = options;
    const corpora = createCorpora(surroundings, { monotonic: clock.monotonic, log });
    const parts = { store, jobs, surroundings, clock, random, compareThread, liveSummary, corpora, database, log };
    const server = await startServer(
      { ...parts, version: forgeVersion },
      {
        host,
        port,
        anyPort: options.port === undefined,
        allowedHosts: allowHost,
        dashboard,
        guide,
        token,
        access: accessOf(options),
        observation,
        ...lent,
      },
    );
    try {
      if (token !== null) writeServerFile(home, { url: server.url, token, pid: process.pid });
      jobs.resume();
      console.log(`dashboard: ${server.url}   guide: ${server.url}/guide   API: ${server.url}/docs`);
      events.info('server started', { url: server.url, database, version: forgeVersion, pid: process.pid });
      if (options.open && hasDesktop(surroundings.env)) await openBrowser(server.url);
      if (options.run !== undefined) {
        const shown = runFirst(options.run, store, jobs, console.log).catch((error) =>
          log(`forge: ${messageOf(error)}`),
        );
        await Promise.race([shown.then(() => console.log(`\ndashboard: ${server.url}   (Ctrl-C stops it)`)), stopped]);
      }
      await stopped;
      events.info('server stops');
      await jobs.close();
      await traces?.close();
    } finally {
      removeServerFile(home);
      await server.close();
      await corpora.close();
    }
  } finally {
    metrics.close();
    await compareThread.close();
    await store.close();
  }
}
