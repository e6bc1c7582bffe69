import { setTimeout as sleep } from 'node:timers/promises';

/** When the next request of a key may start, on the monotonic clock. One for the process: two runs that ask one server share its limit. */
const nextStartMs = new Map<string, number>();
/** Until when a key's server asked to be left alone. */
const pausedUntilMs = new Map<string, number>();

/** Waits for this caller's turn: turns of one key are 1 / `perSecond` apart. Throws when aborted; the turn is then lost. */
export async function takeTurn(key: string, perSecond: number, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const startMs = Math.max(performance.now(), nextStartMs.get(key) ?? 0);
    nextStartMs.set(key, startMs + 1000 / perSecond);
    // Timers may fire a fraction of a millisecond early.
    for (let waitMs = startMs - performance.now(); waitMs > 0; waitMs = startMs - performance.now())
      await sleep(Math.ceil(waitMs), undefined, signal === undefined ? {} : { signal });
    // The server may have asked for a pause while this one waited.
    if (performance.now() >= (pausedUntilMs.get(key) ?? 0)) return;
  }
}

/** Nobody's turn comes before `ms` have passed: what a Retry-After asks of all who share the limit. */
export function pauseTurns(key: string, ms: number): void {
  const untilMs = Math.max(performance.now() + ms, pausedUntilMs.get(key) ?? 0);
  pausedUntilMs.set(key, untilMs);
  nextStartMs.set(key, Math.max(untilMs, nextStartMs.get(key) ?? 0));
}
