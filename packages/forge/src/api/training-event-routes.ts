import { createRoute, z } from '@hono/zod-openapi';
import type { TrainingRunRecord } from '../training-record.ts';
import { createLiveEvents, streamAnswer, type Watched } from './live-events.ts';
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
  responses: streamAnswer,
});

const leastGapMs = 500;

const goesOn = (state: shapes.TrainingState) => state === 'running' || state === 'evaluating';

function progressOf(runs: readonly TrainingRunRecord[], hasReport: boolean): shapes.TrainingProgress {
  return {
    state: trainingStateOf(runs, hasReport),
    runs: runs.map(({ id, status, step, totalSteps }) => ({ runId: id, status, step, totalSteps })),
  };
}

/** Live events of trainings, server-sent. */
export function trainingEventRoutes(parts: ApiParts) {
  const { store } = parts;
  const liveEvents = createLiveEvents(parts);

  /** `cursors`: of each run, in their order. */
  function watched(id: string, cursors: number[]): Watched {
    const read = new Map<string, string>();
    return {
      id,
      leastGapMs,
      concerns: (changed) => changed === null,
      eventId: () => cursors.join('-'),
      async handOn(send) {
        let more = false;
        for (const [place, run] of (await store.listTrainingRuns(id)).entries()) {
          const stand = `${run.status} ${run.step}`;
          if (run.status !== 'running' && read.get(run.id) === stand) continue;
          const { cursor, items } = await store.trainEvents(run.id, cursors[place] ?? 0);
          if (items.length === 0) {
            read.set(run.id, stand);
            continue;
          }
          cursors[place] = cursor;
          await send('steps', { runId: run.id, cursor, items });
          more = true;
        }
        return more;
      },
      async progress() {
        const data = progressOf(await store.listTrainingRuns(id), (await store.getTraining(id))?.report != null);
        return { data, goesOn: goesOn(data.state) };
      },
    };
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
    return liveEvents(c, watched(id, cursors)) as never;
  });
  return router;
}
