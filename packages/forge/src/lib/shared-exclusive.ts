/** Many may be in at once, or one alone. */
export interface SharedExclusive {
  /** Waits for its turn; call what comes back when done. Rejects with what `signal` was aborted with. */
  shared(signal?: AbortSignal): Promise<() => void>;
  /** Whoever comes after one who waits to be alone waits behind it. */
  exclusive(signal?: AbortSignal): Promise<() => void>;
}

interface Waiting {
  readonly alone: boolean;
  start(): void;
}

/** First come, first served. */
export function createSharedExclusive(): SharedExclusive {
  const queue = new Set<Waiting>();
  let inside = 0;
  let alone = false;

  function startWaiting(): void {
    for (const next of queue) {
      if (alone || (next.alone && inside > 0)) return;
      queue.delete(next);
      inside++;
      alone = next.alone;
      next.start();
    }
  }

  function leaving(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      inside--;
      alone = false;
      startWaiting();
    };
  }

  function enter(wantsAlone: boolean, signal: AbortSignal | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        queue.delete(waiting);
        // Those behind it may not have had to wait for anybody else.
        startWaiting();
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        alone: wantsAlone,
        start() {
          signal?.removeEventListener('abort', cancel);
          resolve(leaving());
        },
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', cancel, { once: true });
      queue.add(waiting);
      startWaiting();
    });
  }

  return { shared: (signal) => enter(false, signal), exclusive: (signal) => enter(true, signal) };
}
