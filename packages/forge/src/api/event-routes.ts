import { createRoute, z } from '@hono/zod-openapi';
import type { RunState } from '../store.ts';
import { createLiveEvents, streamAnswer, type Watched } from './live-events.ts';
import { type ApiParts, createRouter, findExperiment, idParam } from './routing.ts';
import type * as shapes from './schemas.ts';
import { stateOf } from './views.ts';

const eventId = z.string().regex(/^\d{1,15}$/, 'must be the id of an event');

const eventsRoute = createRoute({
  method: 'get',
  path: '/experiments/{id}/events',
  tags: ['Experiments'],
  summary: 'Live progress as server-sent events',
  description:
    'Events: `progress` (ProgressEvent: where each run stands, whole each time), `examples` (ExamplesEvent: results as they come in; ' +
    'a reconnect with Last-Event-ID goes on after the last one seen, also across a restart of the server), `end` (nothing runs or waits any more).',
  request: {
    params: idParam,
    headers: z.object({ 'last-event-id': eventId.optional() }),
    query: z.strictObject({ after: eventId.optional().describe('As Last-Event-ID, for a first request.') }),
  },
  responses: streamAnswer,
});

const leastGapMs = 200;
const rateWindowMs = 20_000;

/** Examples per second over the last seconds. */
function createRate(monotonic: () => number) {
  let samples: { at: number; done: number }[] = [];
  return (done: number): number | null => {
    const now = monotonic();
    samples = [...samples.filter(({ at }) => now - at < rateWindowMs), { at: now, done }];
    const first = samples[0] as (typeof samples)[number];
    return done > first.done && now - first.at > 500 ? ((done - first.done) / (now - first.at)) * 1000 : null;
  };
}

function progressOf(
  queuedAt: number | null,
  runs: readonly RunState[],
  rate: number | null,
  notice: string | null,
): shapes.ProgressEvent {
  // One that has finished may have stopped before its last example.
  const left = runs.reduce(
    (sum, run) => sum + (run.status === 'finished' ? 0 : Math.max(0, (run.total ?? 0) - run.done)),
    0,
  );
  // Runs that have not started have no total yet: they would take as long as those that have.
  const known = runs.filter((run) => run.total !== null).length;
  return {
    state: stateOf(queuedAt, runs),
    runs: [...runs],
    examplesPerSecond: rate,
    etaMs: rate === null || known < runs.length ? null : (left / rate) * 1000,
    notice,
  };
}

/** Live events of experiments, server-sent. */
export function eventRoutes(parts: ApiParts) {
  const { store, jobs, clock } = parts;
  const liveEvents = createLiveEvents(parts);

  function watched(id: string, from: number): Watched {
    const rateOf = createRate(clock.monotonic);
    let cursor = from;
    return {
      id,
      leastGapMs,
      concerns: (changed) => changed === id || changed === null,
      eventId: () => String(cursor),
      async handOn(send) {
        const fresh = await store.newResults(id, cursor);
        if (fresh.items.length === 0) return false;
        cursor = fresh.cursor;
        await send('examples', { items: fresh.items });
        return fresh.items.length === 1000;
      },
      async progress() {
        const experiment = await store.getExperiment(id);
        const runs = await store.runStates(id);
        const done = runs.reduce((sum, run) => sum + run.done, 0);
        const notice = jobs.activeId() === id ? (jobs.notice()?.message ?? null) : null;
        const data = progressOf(experiment?.queuedAt ?? null, runs, rateOf(done), notice);
        return { data, goesOn: data.state === 'running' || data.state === 'queued' };
      },
    };
  }

  const router = createRouter();
  router.openapi(eventsRoute, async (c) => {
    const { id } = await findExperiment(store, c.req.valid('param').id);
    // A browser that reconnects by itself asks with the address of its first request, and says in the header what came since.
    const lastEventId = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').after;
    const from = lastEventId === undefined ? (await store.newResults(id, null)).cursor : Number(lastEventId);
    return liveEvents(c, watched(id, from)) as never;
  });
  return router;
}
