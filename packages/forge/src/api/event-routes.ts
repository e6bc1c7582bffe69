import { createRoute, z } from '@hono/zod-openapi';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { RunState } from '../store.ts';
import { type Bell, createBell } from './bell.ts';
import { HttpProblem } from './problem.ts';
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
  responses: { 200: { description: 'The stream.', content: { 'text/event-stream': { schema: z.string() } } } },
});

/** Between looks at the database where nothing says that there is something new: runs of other processes. */
const pollMs = 1000;
/** Between events at least, so that a fast run does not drown its viewers. */
const leastGapMs = 200;
const heartbeatMs = 15_000;
const rateWindowMs = 20_000;
const mostStreams = 200;

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
  const left = runs.reduce((sum, run) => sum + Math.max(0, (run.total ?? 0) - run.done), 0);
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

export function eventRoutes(parts: ApiParts) {
  const { store, jobs, clock } = parts;
  let open = 0;

  async function follow(id: string, lastSeen: number | null, out: SSEStreamingApi, bell: Bell) {
    const rateOf = createRate(clock.monotonic);
    let cursor = lastSeen ?? (await store.newResults(id, null)).cursor;
    let said = '';
    let saidAt = Number.NEGATIVE_INFINITY;
    while (!out.aborted) {
      const turn = clock.monotonic();
      let more = false;
      const fresh = await store.newResults(id, cursor);
      if (fresh.items.length > 0) {
        cursor = fresh.cursor;
        more = fresh.items.length === 1000;
        await out.writeSSE({ event: 'examples', id: String(cursor), data: JSON.stringify({ items: fresh.items }) });
      }
      const experiment = await store.getExperiment(id);
      const runs = await store.runStates(id);
      const done = runs.reduce((sum, run) => sum + run.done, 0);
      const notice = jobs.activeId() === id ? (jobs.notice()?.message ?? null) : null;
      const progress = progressOf(experiment?.queuedAt ?? null, runs, rateOf(done), notice);
      const data = JSON.stringify(progress);
      if (data !== said) {
        await out.writeSSE({ event: 'progress', id: String(cursor), data, retry: 1000 });
        [said, saidAt] = [data, clock.monotonic()];
      } else if (clock.monotonic() - saidAt > heartbeatMs) {
        await out.write(': still here\n\n');
        saidAt = clock.monotonic();
      }
      if (!more && progress.state !== 'running' && progress.state !== 'queued') {
        await out.writeSSE({ event: 'end', id: String(cursor), data: '{}' });
        return;
      }
      const gap = leastGapMs - (clock.monotonic() - turn);
      if (gap > 0) await out.sleep(gap);
      if (!more) await bell.wait(pollMs);
    }
  }

  const router = createRouter();
  router.openapi(eventsRoute, async (c) => {
    const { id } = await findExperiment(store, c.req.valid('param').id);
    // A browser that reconnects by itself asks with the address of its first request, and says in the header what came since.
    const lastEventId = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').after;
    if (open >= mostStreams) throw new HttpProblem(503, `${mostStreams} pages are watching already; close some`);
    open++;
    return streamSSE(
      c,
      async (out) => {
        const bell = createBell();
        const stop = jobs.onEvent((changed) => {
          if (changed === id || changed === null) bell.ring();
        });
        out.onAbort(bell.ring);
        try {
          await follow(id, lastEventId === undefined ? null : Number(lastEventId), out, bell);
        } finally {
          open--;
          stop();
        }
      },
      async (error) => parts.log(`events of ${id}: ${error.message}`),
    ) as never;
  });
  return router;
}
