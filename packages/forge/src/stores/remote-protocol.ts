import type { Store } from '../store.ts';

/** How calls of a store travel between two processes of one machine: JSON, with maps and sets marked. */

export type RemoteMethod = Exclude<keyof Store, 'close'>;

const methods: Readonly<Record<RemoteMethod, true>> = {
  createExperiment: true,
  getExperiment: true,
  listExperiments: true,
  updateExperiment: true,
  deleteExperiment: true,
  restoreExperiment: true,
  facets: true,
  totals: true,
  setQueued: true,
  listQueued: true,
  saveFinding: true,
  getFinding: true,
  getRun: true,
  listRuns: true,
  runStates: true,
  startRun: true,
  finishRun: true,
  addResults: true,
  finishedExampleIds: true,
  listResults: true,
  scoredRows: true,
  listTableRows: true,
  getResult: true,
  newResults: true,
  getResponses: true,
  putResponses: true,
  createTraining: true,
  getTraining: true,
  listTrainings: true,
  listTrainingRuns: true,
  getTrainingRun: true,
  startTrainingRun: true,
  finishTrainingRun: true,
  addTrainEvents: true,
  trainEvents: true,
  saveTrainingReport: true,
  createBenchmark: true,
  getBenchmark: true,
  listBenchmarks: true,
  saveBenchmarkPoint: true,
  benchmarkPoints: true,
  saveBenchmarkReport: true,
  enqueueExperiment: true,
  dequeueExperiment: true,
  completeExperiment: true,
  pauseExperiment: true,
  queueEntries: true,
  registerWorker: true,
  beat: true,
  removeWorker: true,
  listWorkers: true,
  planShards: true,
  addShards: true,
  storedIndices: true,
  storedAmong: true,
  waitingRequirements: true,
  claimShard: true,
  giveBackShard: true,
  completeShard: true,
  recoverShards: true,
  unissuedWork: true,
  markIssued: true,
  unissue: true,
  enqueueJob: true,
  listJobs: true,
  pauseJob: true,
  cancelJob: true,
  claimJob: true,
  giveBackJob: true,
  endJob: true,
  recoverJobs: true,
  startShard: true,
  finishableRuns: true,
  finishableExperiments: true,
  unplannedExperiments: true,
  reportFailure: true,
  beginSuspect: true,
  suspects: true,
  clearSuspects: true,
  setLimit: true,
  listLimits: true,
  takeSlots: true,
  renewSlots: true,
  freeSlots: true,
  takeTurn: true,
  endTurn: true,
  createToken: true,
  listTokens: true,
  findToken: true,
  revokeToken: true,
  tokenState: true,
  createSession: true,
  findSession: true,
  endSession: true,
  addAuditEntry: true,
  closeAuditEntry: true,
  listAudit: true,
};

/** True for methods of the store that may be called from outside the process. */
export const isRemoteMethod = (name: string): name is RemoteMethod => Object.hasOwn(methods, name);

/** Trailing arguments that were left out stay so. */
export const encodeArguments = (given: readonly unknown[]): string => JSON.stringify(given);

/** The arguments of a call as they were sent. */
export const decodeArguments = (text: string): unknown[] => JSON.parse(text) as unknown[];

/** JSON, with maps and sets marked. */
export function encodeAnswer(value: unknown): string {
  if (value instanceof Map) return JSON.stringify({ map: [...value] });
  if (value instanceof Set) return JSON.stringify({ set: [...value] });
  return JSON.stringify({ value });
}

/** Inverse of `encodeAnswer`. */
export function decodeAnswer(text: string): unknown {
  const { map, set, value } = JSON.parse(text) as { map?: [unknown, unknown][]; set?: unknown[]; value?: unknown };
  if (map !== undefined) return new Map(map);
  return set === undefined ? value : new Set(set);
}
