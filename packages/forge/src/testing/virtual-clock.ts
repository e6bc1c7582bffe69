/** A clock that goes on as soon as nothing else is left to do: hours pass in milliseconds, and the same on every machine. */
export interface VirtualClock {
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Time in which this process did nothing else: a blocked event loop. */
  block(ms: number): void;
}

export function createVirtualClock(): VirtualClock {
  let nowMs = 0;
  /** Ascending by time, then by who slept first. */
  const sleepers: { at: number; wake: () => void }[] = [];

  // Promises that a wake-up settles have all run before the next immediate.
  function wakeNext(): void {
    const first = sleepers.shift();
    nowMs = Math.max(nowMs, first?.at ?? 0);
    first?.wake();
    if (sleepers.length > 0) setImmediate(wakeNext);
  }

  return {
    now: () => nowMs,
    sleep: (ms) =>
      new Promise((wake) => {
        const at = nowMs + ms;
        let place = sleepers.length;
        while (place > 0 && (sleepers[place - 1]?.at ?? 0) > at) place--;
        sleepers.splice(place, 0, { at, wake });
        if (sleepers.length === 1) setImmediate(wakeNext);
      }),
    block(ms) {
      nowMs += ms;
    },
  };
}
