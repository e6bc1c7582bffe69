import { OpenAPIHono, z } from '@hono/zod-openapi';
import type { CompareThread } from '../compare-thread.ts';
import type { Surroundings } from '../definition.ts';
import type { Clock } from '../run-experiment.ts';
import type { ExperimentRecord, RunRecord, Store } from '../store.ts';
import type { Corpora } from './corpora.ts';
import type { Jobs } from './jobs.ts';
import type { createLiveSummaries } from './live-summary.ts';
import { HttpProblem, problemResponse } from './problem.ts';
import { problemSchema } from './problem-schema.ts';

/** What routes work with. */
export interface ApiParts {
  readonly store: Store;
  readonly jobs: Jobs;
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  random(): number;
  readonly compareThread: CompareThread;
  readonly corpora: Corpora;
  readonly liveSummary: ReturnType<typeof createLiveSummaries>;
  readonly version: string;
  readonly database: 'embedded' | 'postgres';
  log(message: string): void;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly values?: readonly unknown[];
  readonly keys?: readonly string[];
}

/** A router whose refused requests name the field. */
export function createRouter(): OpenAPIHono {
  return new OpenAPIHono({
    defaultHook(result, c) {
      if (result.success) return;
      const issue = result.error.issues[0] as Issue | undefined;
      const field = [...(issue?.path ?? []), ...(issue?.keys?.slice(0, 1) ?? [])].join('.') || result.target;
      const allowed = issue?.values?.map(String);
      const problem = new HttpProblem(400, `${field}: ${issue?.message ?? 'not allowed'}`, {
        field,
        ...(allowed === undefined ? {} : { allowed }),
      });
      return problemResponse(c, problem);
    },
  });
}

const problemContent = { 'application/problem+json': { schema: problemSchema } };
const refusals: Readonly<Record<number, string>> = {
  400: 'A parameter or the body is not allowed; `field` names it.',
  401: 'The token is not right.',
  404: 'There is none with this id.',
  409: 'Somebody else changed it first, or its state does not allow this.',
  413: 'The body is larger than allowed.',
  429: 'Too many requests; Retry-After says when to come again.',
};

/** The answers of a route: the good one, and the ways in which it can be refused. */
export function answers<Schema extends z.ZodType>(description: string, schema: Schema, codes: readonly number[] = []) {
  return {
    200: { description, content: { 'application/json': { schema } } },
    ...(Object.fromEntries(
      codes.map((code) => [code, { description: refusals[code] ?? '', content: problemContent }]),
    ) as Record<never, never>),
  };
}

export const idParam = z.object({
  id: z
    .string()
    .regex(/^[0-9a-fA-F-]{4,36}$/, 'must be an id (hexadecimal digits and dashes)')
    .describe('Id, or the first characters of it (4 at least).'),
});

/** By id. Throws the 404 of the API. */
export async function findExperiment(store: Store, id: string): Promise<ExperimentRecord> {
  const found = await store.getExperiment(id);
  if (found === null) throw new HttpProblem(404, `no experiment "${id}"; GET /api/experiments lists what is stored`);
  return found;
}

/** By id. Throws the 404 of the API. */
export async function findRun(store: Store, id: string): Promise<RunRecord> {
  const found = await store.getRun(id);
  if (found === null) throw new HttpProblem(404, `no run "${id}"`);
  return found;
}
