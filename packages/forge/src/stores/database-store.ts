import type { Store } from '../store.ts';
import { createAccessStore } from './access-store.ts';
import { createBenchmarkStore } from './benchmark-store.ts';
import type { Connection } from './connection.ts';
import { createDatabase } from './database.ts';
import { createExperimentStore } from './experiment-store.ts';
import { createJobStore } from './job-store.ts';
import { createLeaseStore } from './lease-store.ts';
import { createResponseStore } from './response-store.ts';
import { createResultStore } from './result-store.ts';
import { createRunStore } from './run-store.ts';
import { createShardStore } from './shard-store.ts';
import { createTableStore } from './table-store.ts';
import { createTrainingStore } from './training-store.ts';
import { createUuidSource } from './uuid-v7.ts';
import { createWorkerStore } from './worker-store.ts';

/** The store over a connection whose tables are up to date; closing the one closes the other. */
export function createStore(
  connection: Connection,
  parts: { now(): number; randomBytes(size: number): Uint8Array },
): Store {
  const database = createDatabase(connection);
  const record = { now: parts.now, newId: createUuidSource(parts.now, parts.randomBytes) };
  return {
    ...createExperimentStore(database, record),
    ...createRunStore(database),
    ...createResultStore(database),
    ...createTableStore(database),
    ...createResponseStore(database, parts.now),
    ...createTrainingStore(database, record),
    ...createBenchmarkStore(database, record),
    ...createWorkerStore(database, record),
    ...createShardStore(database, record),
    ...createJobStore(database, record),
    ...createLeaseStore(database),
    ...createAccessStore(database, record),
    close: () => connection.close(),
  };
}
