/** The shards and jobs that this worker executes now, and whether it may go on with them. */
export interface Held {
  has(id: string): boolean;
  /** Asks for it, and holds it where it was given: what is being asked for counts as held. */
  claim<T>(id: string, ask: () => Promise<T | null>): Promise<T | null>;
  signal(id: string): AbortSignal;
  drop(id: string): void;
  /** Stops what others have by now, or nobody is to do any more. `asked`: when the answer was asked for. */
  keepOnly(ids: readonly string[], asked: number): void;
  stopAll(): void;
}

/** `monotonic`: ms. */
export function createHeld(monotonic: () => number): Held {
  const work = new Map<string, { readonly controller: AbortController; readonly since: number }>();
  const claiming = new Set<string>();
  const never = new AbortController().signal;
  return {
    has: (id) => work.has(id) || claiming.has(id),
    async claim(id, ask) {
      claiming.add(id);
      try {
        const given = await ask();
        if (given !== null) work.set(id, { controller: new AbortController(), since: monotonic() });
        return given;
      } finally {
        claiming.delete(id);
      }
    },
    signal: (id) => work.get(id)?.controller.signal ?? never,
    drop: (id) => void work.delete(id),
    keepOnly(ids, asked) {
      const kept = new Set(ids);
      for (const [id, { controller, since }] of work) if (since < asked && !kept.has(id)) controller.abort();
    },
    stopAll() {
      for (const { controller } of work.values()) controller.abort();
    },
  };
}
