import { timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import type { Store } from '../store.ts';
import { decodeArguments, encodeAnswer, isRemoteMethod } from '../stores/remote-protocol.ts';
import { HttpProblem } from './problem.ts';

/** In a time that does not tell how much of it is the same. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A batch of results, each with its prompts and outputs. */
const maxBodyBytes = 256 * 2 ** 20;

/** What viewers are told of. */
const written: ReadonlySet<string> = new Set<keyof Store>([
  'addResults',
  'startRun',
  'finishRun',
  'startTrainingRun',
  'finishTrainingRun',
  'addTrainEvents',
  'saveTrainingReport',
  'saveBenchmarkPoint',
  'saveBenchmarkReport',
]);

/**
 * Lends the embedded database, which only one process can have open, to the commands of the same user: they read the
 * token in a file that only this user can read. `changed` is called after a write to a run.
 */
export function storeDoor(store: Store, token: string, changed: () => void): Hono {
  const door = new Hono();
  // Before the body is read: it may be large.
  door.use(async (c, next) => {
    if (!sameText(c.req.header('authorization') ?? '', `Bearer ${token}`)) {
      throw new HttpProblem(403, 'the token in server.json is needed');
    }
    return next();
  });
  door.use(bodyLimit({ maxSize: maxBodyBytes }));
  door.post('/:method', async (c) => {
    const method = c.req.param('method');
    if (!isRemoteMethod(method)) throw new HttpProblem(404, `the store has no "${method}"`);
    const given = decodeArguments(await c.req.text());
    if (method === 'scoredRows') {
      const [runId] = given as [string];
      return stream(c, async (out) => {
        for await (const rows of store.scoredRows(runId)) await out.write(`${JSON.stringify(rows)}\n`);
        await out.write('end\n');
      });
    }
    const call = store[method] as (...values: unknown[]) => Promise<unknown>;
    const answer = encodeAnswer(await call(...given));
    if (written.has(method)) changed();
    return c.body(answer, 200, { 'content-type': 'application/json' });
  });
  return door;
}
