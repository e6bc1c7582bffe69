import type { AuditEntry, Session } from '@llm-forge/forge/api/access-schemas';
import type { Benchmark, BenchmarkDetail } from '@llm-forge/forge/api/benchmark-schemas';
import type {
  Catalog,
  ComparedRuns,
  Corpus,
  Experiment,
  ExperimentDetail,
  Facets,
  Overview,
  Problem,
  Result,
  Retrieval,
  TableRow,
  Validation,
  VariantPlan,
} from '@llm-forge/forge/api/schemas';
import type { TrainEvents, Training, TrainingDetail } from '@llm-forge/forge/api/training-schemas';
import type { Queue } from '@llm-forge/forge/api/worker-schemas';

/** The only file that fetches. Types come from the schemas with which the API checks itself. */
export type * from '@llm-forge/forge/api/access-schemas';
export type * from '@llm-forge/forge/api/benchmark-schemas';
export type * from '@llm-forge/forge/api/schemas';
export type * from '@llm-forge/forge/api/training-schemas';
export type * from '@llm-forge/forge/api/worker-schemas';

/** What the API said against a request; `message` is for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | undefined;
  constructor(status: number, message: string, problem?: Problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

function pathWith(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(key, String(one));
  }
  const text = search.toString();
  return `/api${path}${text === '' ? '' : `?${text}`}`;
}

interface RequestOptions {
  method?: string;
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

const csrfHeader = 'x-forge-csrf';
/** Of the session that this browser has; asked for before the first request that changes something. */
let csrf: Promise<string | null> | undefined;

function csrfToken(): Promise<string | null> {
  csrf ??= send<Session>('/session').then(
    (session) => session.csrf,
    () => {
      csrf = undefined;
      return null;
    },
  );
  return csrf;
}

/** Another page of this browser may have signed in anew: then once more, with the token of that session. */
async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  if ((options.method ?? 'GET') === 'GET') return send<T>(path, options);
  try {
    return await send<T>(path, options, await csrfToken());
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem?.field !== csrfHeader) throw error;
    csrf = undefined;
    return send<T>(path, options, await csrfToken());
  }
}

async function send<T>(path: string, options: RequestOptions = {}, token: string | null = null): Promise<T> {
  let response: Response;
  try {
    response = await fetch(pathWith(path, options.query), {
      method: options.method ?? 'GET',
      headers: {
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { [csrfHeader]: token }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer. Is forge serve still running?');
  }
  if (response.status === 204) return undefined as T;
  const body = (await response.json().catch(() => undefined)) as unknown;
  if (!response.ok) {
    const problem = body as Problem | undefined;
    throw new ApiError(response.status, problem?.detail ?? `The server answered ${response.status}.`, problem);
  }
  return body as T;
}

export interface ExperimentQuery {
  readonly text?: string;
  readonly status?: string;
  readonly method?: string;
  readonly engine?: string;
  readonly model?: string;
  readonly dataset?: string;
  readonly deleted?: 'only';
  readonly sort?: 'newest' | 'oldest' | 'name';
  readonly limit?: number;
  readonly after?: string;
}

export interface RowQuery {
  readonly offset: number;
  readonly limit: number;
  /** right: score 1 or more on `metric`; wrong: under 1 and not failed. */
  readonly outcome?: 'right' | 'wrong' | 'failed';
  readonly metric?: string;
  readonly text?: string;
  /** Examples in which an agent called this tool. */
  readonly tool?: string;
  /** Examples in which a call failed so; with `tool`: a call of this tool. */
  readonly toolError?: string;
  readonly sort?: 'row' | 'slowest';
}

type Signal = { signal?: AbortSignal };

/** Every request that the pages make; errors are `ApiError`s with what the server said. */
export const api = {
  session: (o?: Signal) => request<Session>('/session', o),
  signIn: async (token: string) => {
    const session = await request<Session>('/session', { method: 'POST', body: { token } });
    csrf = undefined;
    return session;
  },
  signOut: async () => {
    await request<void>('/session', { method: 'DELETE' });
    csrf = undefined;
  },
  overview: (o?: Signal) => request<Overview>('/overview', o),
  facets: (o?: Signal) => request<Facets>('/experiments/facets', o),
  catalog: (o?: Signal) => request<Catalog>('/catalog', o),
  experiments: (query: ExperimentQuery, o?: Signal) =>
    request<{ items: Experiment[]; next: string | null }>('/experiments', { ...o, query: { ...query } }),
  experiment: (id: string, o?: Signal) => request<ExperimentDetail>(`/experiments/${id}`, o),
  createExperiment: (body: { source: string; start: boolean }) =>
    request<ExperimentDetail>('/experiments', { method: 'POST', body }),
  /** 409 where somebody else saved first. */
  updateExperiment: (id: string, body: { source: string; revision: number }) =>
    request<ExperimentDetail>(`/experiments/${id}`, { method: 'PUT', body }),
  validate: (body: { source: string }, o?: Signal) =>
    request<Validation>('/experiments/validate', { ...o, method: 'POST', body }),
  /** `probe`: run so many examples of each variant, unstored, to measure. */
  plan: (body: { source: string; probe?: number }, o?: Signal) =>
    request<{ variants: VariantPlan[] }>('/experiments/plan', { ...o, method: 'POST', body }),
  start: (id: string) => request<ExperimentDetail>(`/experiments/${id}/start`, { method: 'POST' }),
  cancel: (id: string) => request<ExperimentDetail>(`/experiments/${id}/cancel`, { method: 'POST' }),
  remove: (id: string) => request<void>(`/experiments/${id}`, { method: 'DELETE' }),
  restore: (id: string) => request<void>(`/experiments/${id}/restore`, { method: 'POST' }),
  rows: (runId: string, query: RowQuery, o?: Signal) =>
    request<{ total: number; items: TableRow[] }>(`/runs/${runId}/results`, { ...o, query: { ...query } }),
  result: (runId: string, exampleId: string, o?: Signal) =>
    request<Result>(`/runs/${runId}/results/${encodeURIComponent(exampleId)}`, o),
  compare: (query: { runs: readonly string[]; metric?: string; minimumEffect?: string }, o?: Signal) =>
    request<ComparedRuns>('/compare', { ...o, query: { ...query, runs: query.runs.join(',') } }),
  trainings: (query: { after?: string }, o?: Signal) =>
    request<{ items: Training[]; next: string | null }>('/trainings', { ...o, query }),
  training: (id: string, o?: Signal) => request<TrainingDetail>(`/trainings/${id}`, o),
  /** 5000 events at most; `after`: cursor of the answer before. */
  trainEvents: (runId: string, after: number, o?: Signal) =>
    request<TrainEvents>(`/training-runs/${runId}/events`, { ...o, query: { after } }),
  /** `after`: the cursor of each run, in their order. */
  trainingEventsUrl: (id: string, after: readonly number[]) =>
    pathWith(`/trainings/${id}/events`, { after: after.join('-') }),
  benchmarks: (query: { after?: string }, o?: Signal) =>
    request<{ items: Benchmark[]; next: string | null }>('/benchmarks', { ...o, query }),
  benchmark: (id: string, o?: Signal) => request<BenchmarkDetail>(`/benchmarks/${id}`, o),
  corpora: (o?: Signal) => request<{ items: Corpus[] }>('/corpora', o),
  ingest: (file: string) => request<{ file: string }>('/corpora/ingest', { method: 'POST', body: { file } }),
  /** `retrievers`: by label, what a config says at `retriever`. */
  retrieve: (body: { query: string; topK: number; retrievers: Readonly<Record<string, unknown>> }, o?: Signal) =>
    request<{ items: Retrieval[] }>('/retrieve', { ...o, method: 'POST', body }),
  /** Workers and what they do. */
  queue: (o?: Signal) => request<Queue>('/workers', o),
  audit: (query: { after?: string }, o?: Signal) =>
    request<{ items: AuditEntry[]; next: string | null }>('/audit', { ...o, query }),
  /** `after`: id of the last event seen by a connection before. */
  eventsUrl: (id: string, after: string) => pathWith(`/experiments/${id}/events`, { after }),
  exportUrl: (id: string, format: 'jsonl' | 'csv' | 'markdown') => pathWith(`/experiments/${id}/export`, { format }),
};
