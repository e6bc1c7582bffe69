import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { type Bell, createBell } from './bell.ts';
import { HttpProblem } from './problem.ts';
import type { ApiParts } from './routing.ts';

/** Between looks at the database where nothing says that there is something new: another process works. */
const pollMs = 1000;
const heartbeatMs = 15_000;
const mostStreams = 200;

/** One thing that a page watches. */
export interface Watched {
  readonly id: string;
  /** Between looks at least, ms, so that fast work does not drown its viewers. */
  readonly leastGapMs: number;
  /** Whether a change (null: of anything) is worth a look. */
  concerns(changed: string | null): boolean;
  /** Sends what is new since the last look; whether there may be more. */
  handOn(send: (event: string, data: unknown) => Promise<void>): Promise<boolean>;
  /** Where it stands, whole each time: sent where it has changed. The stream ends once it does not go on. */
  progress(): Promise<{ readonly data: unknown; readonly goesOn: boolean }>;
  /** The id of an event sent now: a reconnect goes on after it. */
  eventId(): string;
}

export const streamAnswer = {
  200: { description: 'The stream.', content: { 'text/event-stream': { schema: z.string() } } },
};

/** Server-sent events read from the database, woken by the queue. */
export function createLiveEvents({ jobs, clock, log }: Pick<ApiParts, 'jobs' | 'clock' | 'log'>) {
  let open = 0;

  async function follow(watched: Watched, out: SSEStreamingApi, bell: Bell): Promise<void> {
    let said = '';
    let saidAt = Number.NEGATIVE_INFINITY;
    const send = (event: string, data: string) => out.writeSSE({ event, id: watched.eventId(), data, retry: 1000 });
    while (!out.aborted) {
      const turn = clock.monotonic();
      // Read before what is new is: whoever hears that it has ended has heard all of it.
      const { data: stand, goesOn } = await watched.progress();
      const more = await watched.handOn((event, data) => send(event, JSON.stringify(data)));
      const data = JSON.stringify(stand);
      if (data !== said) {
        await send('progress', data);
        [said, saidAt] = [data, clock.monotonic()];
      } else if (clock.monotonic() - saidAt > heartbeatMs) {
        await out.write(': still here\n\n');
        saidAt = clock.monotonic();
      }
      if (!more && !goesOn) {
        await send('end', '{}');
        return;
      }
      const gap = watched.leastGapMs - (clock.monotonic() - turn);
      if (gap > 0) await out.sleep(gap);
      if (!more) await bell.wait(pollMs);
    }
  }

  /** The answer of a route: events until the page goes, or nothing goes on any more. Throws HttpProblem where too many watch. */
  return (c: Context, watched: Watched): Response => {
    if (open >= mostStreams) throw new HttpProblem(503, `${mostStreams} pages are watching already; close some`);
    open++;
    return streamSSE(
      c,
      async (out) => {
        const bell = createBell();
        const stop = jobs.onEvent((changed) => {
          if (watched.concerns(changed)) bell.ring();
        });
        out.onAbort(bell.ring);
        try {
          await follow(watched, out, bell);
        } finally {
          open--;
          stop();
        }
      },
      async (error) => log(`events of ${watched.id}: ${error.message}`),
    );
  };
}
