import { join } from 'node:path';
import type { BenchmarkReport } from '../benchmark-report.ts';
import type { BenchmarkSpec } from '../benchmark-spec.ts';
import { createComponentPool } from '../component-pool.ts';
import { ConfigError } from '../errors.ts';
import { executeBenchmark } from '../execute-benchmark.ts';
import { executeTraining, type TrainingParts } from '../execute-training.ts';
import { projectPath } from '../lib/project-path.ts';
import { loadCorpus } from '../load-corpus.ts';
import type { ClaimedJob, JobKind } from '../worker-record.ts';
import { writeBenchmarkFiles } from '../write-benchmark-files.ts';

type JobParts = Omit<TrainingParts, 'signal' | 'pricing' | 'lock'>;

const missing = ({ kind, subject }: ClaimedJob) =>
  new ConfigError(`${kind} "${subject}": not in this database any more`);

async function train(job: ClaimedJob, parts: JobParts, signal: AbortSignal): Promise<void> {
  const training = await parts.store.getTraining(job.subject);
  if (training === null) throw missing(job);
  const runs = await parts.store.listTrainingRuns(training.id);
  for await (const _ of executeTraining({ training, runs }, { ...parts, signal }));
}

async function bench(job: ClaimedJob, parts: JobParts, signal: AbortSignal): Promise<void> {
  const { store, home } = parts;
  const benchmark = await store.getBenchmark(job.subject);
  if (benchmark === null) throw missing(job);
  const { pricing } = benchmark.config as BenchmarkSpec;
  for await (const _ of executeBenchmark(benchmark, { ...parts, signal, ...(pricing === null ? {} : { pricing }) }));
  const done = await store.getBenchmark(job.subject);
  if (signal.aborted || done === null || done.report === null) return;
  await writeBenchmarkFiles(join(home, 'benchmarks', done.id), done, done.report as BenchmarkReport);
}

async function ingest({ subject }: ClaimedJob, { surroundings }: JobParts, signal: AbortSignal): Promise<void> {
  await projectPath(subject, 'corpus', surroundings);
  const corpus = await loadCorpus(subject, surroundings.baseDir);
  const pool = createComponentPool(surroundings);
  try {
    await pool.ingest(corpus, signal);
  } finally {
    await pool.close();
  }
}

const execute: Record<JobKind, typeof train> = { training: train, benchmark: bench, ingestion: ingest };

/**
 * Does a job, or what is left of it; false where `signal` stopped it: what is finished is kept, a training goes on from its
 * newest checkpoint on the machine that has it. Throws ConfigError and what else keeps it from being done.
 */
export async function executeJob(job: ClaimedJob, parts: JobParts, signal: AbortSignal): Promise<boolean> {
  await execute[job.kind](job, parts, signal);
  return !signal.aborted;
}
