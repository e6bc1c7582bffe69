import { createRoute, z } from '@hono/zod-openapi';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { TrainingRunRecord } from '../training-record.ts';
import { type Bell, createBell } from './bell.ts';
import { HttpProblem } from './problem.ts';
import { type ApiParts, createRouter, idParam } from './routing.ts';
import { findTraining } from './training-routes.ts';
import type * as shapes from './training-schemas.ts';
import { trainingStateOf } from './training-views.ts';

const cursorsText = z
  .string()
  .max(20_000)
  .regex(/^\d{1,15}(-\d{1,15})*$/, 'must be the id of an event');

const eventsRoute = createRoute({
  method: 'get',
  path: '/trainings/{id}/events',
  tags: ['Trainings'],
  summary: 'Live progress as server-sent events',
  description:
    'Events: `progress` (TrainingProgress: where each run stands, whole each time), `steps` (TrainingSteps: what a run has ' +
    'stored since), `end` (nothing goes on any more). The id of an event holds the cursor of each run, in their order, joined ' +
    'by dashes: a reconnect with Last-Event-ID goes on after the last one seen, also across a restart of the server.',
  request: {
    params: idParam,
    headers: z.object({ 'last-event-id': cursorsText.optional() }),
    query: z.strictObject({
      after: cursorsText.optional().describe('As Last-Event-ID, for a first request; from the first when left out.'),
    }),
  },
  responses: { 200: { description: 'The stream.', content: { 'text/event-stream': { schema: z.string() } } } },
});

/** Between looks at the database where nothing says that there is something new: another process trains. */
const pollMs = 1000;
/** Between events at least, so that fast steps do not drown their viewers. */
const leastGapMs = 500;
const heartbeatMs = 15_000;
const mostStreams = 200;

const goesOn = (state: shapes.TrainingState) => state === 'running' || state === 'evaluating';

function progressOf(runs: readonly TrainingRunRecord[], hasReport: boolean): shapes.TrainingProgress {
  return {
    state: trainingStateOf(runs, hasReport),
    runs: runs.map(({ id, status, step, totalSteps }) => ({ runId: id, status, step, totalSteps })),
  };
}

export function trainingEventRoutes(parts: ApiParts) {
  const { store, jobs, clock } = parts;
  let open = 0;

  async function follow(id: string, cursors: number[], out: SSEStreamingApi, bell: Bell) {
    const read = new Map<string, string>();
    let said = '';
    let saidAt = Number.NEGATIVE_INFINITY;
    const send = (event: string, data: string) => out.writeSSE({ event, id: cursors.join('-'), data, retry: 1000 });

    /** Hands on what a run has stored since; whether there may be more. */
    async function handOn(run: TrainingRunRecord, place: number): Promise<boolean> {
      const stand = `${run.status} ${run.step}`;
      if (run.status !== 'running' && read.get(run.id) === stand) return false;
      const { cursor, items } = await store.trainEvents(run.id, cursors[place] ?? 0);
      if (items.length === 0) {
        read.set(run.id, stand);
        return false;
      }
      cursors[place] = cursor;
      await send('steps', JSON.stringify({ runId: run.id, cursor, items }));
      return true;
    }

    while (!out.aborted) {
      const turn = clock.monotonic();
      const runs = await store.listTrainingRuns(id);
      let more = false;
      for (const [place, run] of runs.entries()) more = (await handOn(run, place)) || more;
      const progress = progressOf(runs, (await store.getTraining(id))?.report != null);
      const data = JSON.stringify(progress);
      if (data !== said) {
        await send('progress', data);
        [said, saidAt] = [data, clock.monotonic()];
      } else if (clock.monotonic() - saidAt > heartbeatMs) {
        await out.write(': still here\n\n');
        saidAt = clock.monotonic();
      }
      if (!more && !goesOn(progress.state)) {
        await send('end', '{}');
        return;
      }
      const gap = leastGapMs - (clock.monotonic() - turn);
      if (gap > 0) await out.sleep(gap);
      if (!more) await bell.wait(pollMs);
    }
  }

  const router = createRouter();
  router.openapi(eventsRoute, async (c) => {
    const { id } = await findTraining(store, c.req.valid('param').id);
    const runs = await store.listTrainingRuns(id);
    // A browser that reconnects by itself asks with the address of its first request, and says in the header what came since.
    const given = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').after;
    const cursors = given === undefined ? runs.map(() => 0) : given.split('-').map(Number);
    if (cursors.length !== runs.length) {
      throw new HttpProblem(400, `after: ${cursors.length} cursors; this training has ${runs.length} runs`, {
        field: 'after',
      });
    }
    if (open >= mostStreams) throw new HttpProblem(503, `${mostStreams} pages are watching already; close some`);
    open++;
    return streamSSE(
      c,
      async (out) => {
        const bell = createBell();
        const stop = jobs.onEvent((changed) => {
          if (changed === null) bell.ring();
        });
        out.onAbort(bell.ring);
        try {
          await follow(id, cursors, out, bell);
        } finally {
          open--;
          stop();
        }
      },
      async (error) => parts.log(`events of training ${id}: ${error.message}`),
    ) as never;
  });
  return router;
}
