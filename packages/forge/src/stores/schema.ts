import { desc, type SQL, sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { BenchmarkPoint } from '../benchmark-record.ts';
import type { CallTiming, Generation, Sampling, TokenUsage } from '../engine.ts';
import type { PredictionFlag, Step } from '../method.ts';
import type { CallRecord, ExampleFailure, Provenance, RunStatus } from '../run.ts';
import type { Headline } from '../store.ts';
import type { ToolUse } from '../tool.ts';
import type { Artifact, StoredTrainEvent } from '../training-record.ts';
import type { Capabilities, JobKind, JobState, Requirement, WorkerRecord } from '../worker-record.ts';
import { decodeJson, decodeText, encodeJson, encodeText } from './storable-text.ts';

/** Text of any content: see storable-text.ts for what Postgres cannot hold as it is. */
export const anyText = customType<{ data: string; driverData: string }>({
  dataType: () => 'text',
  toDriver: encodeText,
  fromDriver: decodeText,
});

/** JSONB whose strings may have any content. The connection hands over the JSON text, not the parsed value. */
const anyJson = <T>(name: string) =>
  customType<{ data: T; driverData: string }>({
    dataType: () => 'jsonb',
    toDriver: encodeJson,
    fromDriver: (value) => decodeJson(value) as T,
  })(name);

/** ms since the epoch. */
export const moment = (name: string) => bigint(name, { mode: 'number' });

const summed = (name: string, value: SQL) => bigint(name, { mode: 'number' }).generatedAlwaysAs(value);

/** What experiments are sorted by, whatever the case of their names. */
export const nameOrder = sql`left(lower(name), 200)`;

export const experiments = pgTable(
  'experiments',
  {
    id: uuid('id').primaryKey(),
    name: anyText('name').notNull(),
    source: anyText('source').notNull(),
    config: anyJson<unknown>('config').notNull(),
    description: text('description').generatedAlwaysAs(sql`config ->> 'description'`),
    configHash: text('config_hash').notNull(),
    revision: integer('revision').notNull().default(1),
    createdAt: moment('created_at').notNull(),
    deletedAt: moment('deleted_at'),
    queuedAt: moment('queued_at'),
    finding: anyJson<unknown>('finding'),
    headline: anyJson<readonly Headline[]>('headline'),
  },
  (table) => [
    index('experiments_config_hash').on(table.configHash),
    // Cut, because an index entry has a largest size and a name has not; read together with listExperiments.
    index('experiments_by_name').on(nameOrder, desc(table.id)),
  ],
);

export const runs = pgTable(
  'runs',
  {
    id: uuid('id').primaryKey(),
    experimentId: uuid('experiment_id')
      .notNull()
      .references(() => experiments.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    variant: anyText('variant').notNull(),
    spec: anyJson<unknown>('spec').notNull(),
    // Read out of the spec by the database itself, so that lists can be filtered by an index.
    method: anyText('method').generatedAlwaysAs(sql`spec #>> '{method,name}'`),
    engine: anyText('engine').generatedAlwaysAs(sql`spec #>> '{engine,name}'`),
    model: anyText('model').generatedAlwaysAs(sql`spec #>> '{engine,options,model}'`),
    dataset: anyText('dataset').generatedAlwaysAs(sql`spec #>> '{dataset,name}'`),
    status: text('status').$type<RunStatus>().notNull(),
    total: integer('total'),
    provenance: anyJson<Provenance>('provenance'),
    error: anyText('error'),
    createdAt: moment('created_at').notNull(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
    wallMs: doublePrecision('wall_ms').notNull().default(0),
    summary: anyJson<unknown>('summary'),
    // Kept beside the summary, so that sums over all runs need no look into it.
    examples: summed('examples', sql`(summary ->> 'n')::bigint`),
    calls: summed('calls', sql`(summary ->> 'calls')::bigint`),
    promptTokens: summed('prompt_tokens', sql`(summary #>> '{tokens,prompt}')::bigint`),
    completionTokens: summed('completion_tokens', sql`(summary #>> '{tokens,completion}')::bigint`),
  },
  (table) => [
    unique('runs_experiment_position').on(table.experimentId, table.position),
    index('runs_status').on(table.status),
    index('runs_method').on(table.method),
    index('runs_engine').on(table.engine),
    index('runs_model').on(table.model),
    index('runs_dataset').on(table.dataset),
    check('runs_status_known', sql`status in ('pending', 'running', 'finished', 'cancelled', 'failed')`),
  ],
);

/** One row per example; the sums over its calls are kept beside it, so that figures need no look at the calls. */
export const results = pgTable(
  'results',
  {
    // Calls refer to this number, not to run and example: Postgres keeps the plan of the check from when the table was
    // empty, and over two columns it is a scan of the whole run for every call.
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    exampleId: anyText('example_id').notNull(),
    rowIndex: integer('row_index').notNull(),
    question: anyText('question').notNull(),
    targets: anyJson<readonly string[]>('targets').notNull(),
    cluster: anyText('cluster'),
    answer: anyText('answer').notNull(),
    steps: anyJson<readonly Step[]>('steps').notNull(),
    flags: anyJson<readonly PredictionFlag[]>('flags').notNull(),
    toolUse: anyJson<ToolUse>('tool_use'),
    failure: anyJson<ExampleFailure>('failure'),
    scores: anyJson<Readonly<Record<string, number>>>('scores').notNull(),
    latencyMs: doublePrecision('latency_ms').notNull(),
    finishedAt: moment('finished_at').notNull(),
    promptTokens: bigint('prompt_tokens', { mode: 'number' }).notNull(),
    cachedPromptTokens: bigint('cached_prompt_tokens', { mode: 'number' }).notNull(),
    completionTokens: bigint('completion_tokens', { mode: 'number' }).notNull(),
    computeMs: doublePrecision('compute_ms').notNull(),
    calls: integer('calls').notNull(),
    cachedCalls: integer('cached_calls').notNull(),
    retries: integer('retries').notNull(),
    /** JSON length of the example with its calls, in UTF-16 units: bounds the size of a page. */
    size: bigint('size', { mode: 'number' }).notNull(),
  },
  (table) => [
    unique('results_run_example').on(table.runId, table.exampleId),
    index('results_in_order').on(table.runId, table.rowIndex, table.exampleId),
    index('results_slowest').on(table.runId, table.latencyMs, table.rowIndex, table.exampleId),
    index('results_as_stored').on(table.runId, table.id),
    index('results_failed').on(table.runId, table.rowIndex).where(sql`failure is not null`),
  ],
);

export const calls = pgTable(
  'calls',
  {
    resultId: bigint('result_id', { mode: 'number' })
      .notNull()
      .references(() => results.id, { onDelete: 'cascade' }),
    index: integer('index').notNull(),
    prompt: anyText('prompt').notNull(),
    sampling: anyJson<Sampling>('sampling').notNull(),
    seed: bigint('seed', { mode: 'number' }).notNull(),
    output: anyText('output').notNull(),
    finishReason: text('finish_reason').$type<CallRecord['finishReason']>().notNull(),
    usage: anyJson<TokenUsage>('usage').notNull(),
    timing: anyJson<CallTiming>('timing').notNull(),
    cached: boolean('cached').notNull(),
    retries: integer('retries').notNull(),
    error: anyJson<ExampleFailure>('error'),
  },
  (table) => [primaryKey({ name: 'calls_pkey', columns: [table.resultId, table.index] })],
);

/** The response cache: content hash of the request to what the engine answered. */
export const responses = pgTable('responses', {
  key: text('key').primaryKey(),
  generation: anyJson<Generation>('generation').notNull(),
  createdAt: moment('created_at').notNull(),
});

export const trainings = pgTable('trainings', {
  id: uuid('id').primaryKey(),
  name: anyText('name').notNull(),
  source: anyText('source').notNull(),
  config: anyJson<unknown>('config').notNull(),
  configHash: text('config_hash').notNull(),
  createdAt: moment('created_at').notNull(),
  report: anyJson<unknown>('report'),
});

export const trainingRuns = pgTable(
  'training_runs',
  {
    id: uuid('id').primaryKey(),
    trainingId: uuid('training_id')
      .notNull()
      .references(() => trainings.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    variant: anyText('variant').notNull(),
    spec: anyJson<unknown>('spec').notNull(),
    status: text('status').$type<RunStatus>().notNull(),
    folder: anyText('folder'),
    totalSteps: integer('total_steps'),
    step: integer('step').notNull().default(0),
    provenance: anyJson<unknown>('provenance'),
    error: anyText('error'),
    createdAt: moment('created_at').notNull(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
    wallMs: doublePrecision('wall_ms').notNull().default(0),
    artifacts: anyJson<readonly Artifact[]>('artifacts').notNull(),
    outcome: anyJson<unknown>('outcome'),
  },
  (table) => [
    unique('training_runs_training_position').on(table.trainingId, table.position),
    check('training_runs_status_known', sql`status in ('pending', 'running', 'finished', 'cancelled', 'failed')`),
  ],
);

export const trainingEvents = pgTable(
  'training_events',
  {
    // A new number with every replacement: who reads on from a number sees what has changed since.
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    runId: uuid('run_id')
      .notNull()
      .references(() => trainingRuns.id, { onDelete: 'cascade' }),
    type: text('type').$type<StoredTrainEvent['type']>().notNull(),
    step: integer('step').notNull(),
    /** Tells events of one type and step apart where there may be several: the text's digest of a warning, else empty. */
    part: text('part').notNull(),
    event: anyJson<StoredTrainEvent>('event').notNull(),
  },
  (table) => [
    unique('training_events_once').on(table.runId, table.type, table.step, table.part),
    index('training_events_as_stored').on(table.runId, table.id),
  ],
);

export const benchmarks = pgTable('benchmarks', {
  id: uuid('id').primaryKey(),
  name: anyText('name').notNull(),
  source: anyText('source').notNull(),
  config: anyJson<unknown>('config').notNull(),
  configHash: text('config_hash').notNull(),
  experimentId: uuid('experiment_id')
    .notNull()
    .references(() => experiments.id, { onDelete: 'cascade' }),
  createdAt: moment('created_at').notNull(),
  report: anyJson<unknown>('report'),
});

export const benchmarkPoints = pgTable(
  'benchmark_points',
  {
    /** The order in which points were first stored: a replaced one keeps its number. */
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    benchmarkId: uuid('benchmark_id')
      .notNull()
      .references(() => benchmarks.id, { onDelete: 'cascade' }),
    key: anyText('key').notNull(),
    point: anyJson<BenchmarkPoint>('point').notNull(),
  },
  (table) => [unique('benchmark_points_once').on(table.benchmarkId, table.key)],
);

/** A moment by the database's own clock: leases and beats of many machines are held against it. */
const databaseMoment = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' });

export const workers = pgTable('workers', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  kind: text('kind').$type<WorkerRecord['kind']>().notNull(),
  state: text('state').$type<WorkerRecord['state']>().notNull().default('working'),
  version: text('version').notNull(),
  capabilities: anyJson<Capabilities>('capabilities').notNull(),
  startedAt: databaseMoment('started_at').notNull().default(sql`clock_timestamp()`),
  seenAt: databaseMoment('seen_at').notNull().default(sql`clock_timestamp()`),
  /** A limit on which it waits: who holds more than its share of it gives some back. */
  waitsFor: text('waits_for'),
});

/** Experiments that workers execute; a row goes when all of it is done. */
export const queuedExperiments = pgTable('queued_experiments', {
  experimentId: uuid('experiment_id')
    .primaryKey()
    .references(() => experiments.id, { onDelete: 'cascade' }),
  priority: integer('priority').notNull().default(0),
  paused: boolean('paused').notNull().default(false),
  planned: boolean('planned').notNull().default(false),
  version: text('version').notNull(),
  createdAt: databaseMoment('created_at').notNull().default(sql`clock_timestamp()`),
});

/** What is to be done, and by whom it is done. pg-boss only says which one is next. */
export const shards = pgTable(
  'shards',
  {
    id: uuid('id').primaryKey(),
    experimentId: uuid('experiment_id')
      .notNull()
      .references(() => queuedExperiments.experimentId, { onDelete: 'cascade' }),
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    indices: anyJson<readonly number[]>('indices').notNull(),
    requirement: anyJson<Requirement>('requirement').notNull(),
    state: text('state').$type<'waiting' | 'claimed' | 'done'>().notNull().default('waiting'),
    workerId: uuid('worker_id'),
    attempts: integer('attempts').notNull().default(0),
    /** When pg-boss was told of it; null where it is to be told. */
    issuedAt: databaseMoment('issued_at'),
    /** When it was first taken. */
    claimedAt: databaseMoment('claimed_at'),
  },
  (table) => [
    index('shards_of_experiment').on(table.experimentId, table.state),
    index('shards_of_run').on(table.runId, table.state),
    index('shards_of_worker').on(table.workerId),
    check('shards_state_known', sql`state in ('waiting', 'claimed', 'done')`),
  ],
);

/** What one worker does as a whole: it stays as a record when it has ended. */
export const queuedJobs = pgTable(
  'queued_jobs',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<JobKind>().notNull(),
    subject: anyText('subject').notNull(),
    name: anyText('name').notNull(),
    requirement: anyJson<Requirement>('requirement').notNull(),
    priority: integer('priority').notNull().default(0),
    paused: boolean('paused').notNull().default(false),
    version: text('version').notNull(),
    state: text('state').$type<JobState>().notNull().default('waiting'),
    workerId: uuid('worker_id'),
    /** `host:pid`, kept when the worker is gone. */
    workerName: text('worker_name'),
    attempts: integer('attempts').notNull().default(0),
    error: anyText('error'),
    /** As of shards. */
    issuedAt: databaseMoment('issued_at'),
    createdAt: databaseMoment('created_at').notNull().default(sql`clock_timestamp()`),
    claimedAt: databaseMoment('claimed_at'),
    endedAt: databaseMoment('ended_at'),
  },
  (table) => [
    uniqueIndex('queued_jobs_once').on(table.kind, table.subject).where(sql`state in ('waiting', 'claimed')`),
    index('queued_jobs_by_state').on(table.state),
    check('queued_jobs_state_known', sql`state in ('waiting', 'claimed', 'done', 'failed', 'cancelled')`),
  ],
);

/** Workers that cannot do a run, and why. */
export const runFailures = pgTable(
  'run_failures',
  {
    experimentId: uuid('experiment_id')
      .notNull()
      .references(() => queuedExperiments.experimentId, { onDelete: 'cascade' }),
    runId: uuid('run_id').notNull(),
    workerId: uuid('worker_id').notNull(),
    error: anyText('error').notNull(),
  },
  (table) => [primaryKey({ name: 'run_failures_pkey', columns: [table.runId, table.workerId] })],
);

/** Examples that were begun in shards that a worker was lost with: one that is begun again and again ends its worker each time. */
export const suspects = pgTable(
  'suspects',
  {
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    rowIndex: integer('row_index').notNull(),
    tries: integer('tries').notNull(),
  },
  (table) => [primaryKey({ name: 'suspects_pkey', columns: [table.runId, table.rowIndex] })],
);

export const limits = pgTable('limits', {
  key: text('key').primaryKey(),
  max: integer('max').notNull(),
});

/** One row for each slot of a limit, and for each thing that one worker does at a time. Free where it has no holder, or has expired. */
export const leases = pgTable(
  'leases',
  {
    key: text('key').notNull(),
    slot: integer('slot').notNull(),
    holder: uuid('holder'),
    expiresAt: databaseMoment('expires_at'),
  },
  (table) => [
    primaryKey({ name: 'leases_pkey', columns: [table.key, table.slot] }),
    index('leases_of_holder').on(table.holder),
  ],
);
