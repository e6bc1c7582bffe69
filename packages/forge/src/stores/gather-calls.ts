/**
 * Group commit: while one call is under way, later calls gather and go together in the next one, without any delay.
 * `run` gets the items of all of them, at most `limit` (a call with more items goes alone), and its outcome is everyone's.
 */
export function gatherCalls<Item, Result>(
  run: (items: readonly Item[]) => Promise<Result>,
  limit: number,
): (items: readonly Item[]) => Promise<Result> {
  interface Caller {
    readonly items: readonly Item[];
    readonly outcome: PromiseWithResolvers<Result>;
  }
  let waiting: Caller[] = [];
  let busy = false;

  function takeGroup(): Caller[] {
    let size = 0;
    let count = 0;
    for (const { items } of waiting) {
      if (count > 0 && size + items.length > limit) break;
      size += items.length;
      count++;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  }

  async function work(): Promise<void> {
    busy = true;
    while (waiting.length > 0) {
      const group = takeGroup();
      try {
        const result = await run(group.flatMap(({ items }) => items));
        for (const { outcome } of group) outcome.resolve(result);
      } catch (error) {
        for (const { outcome } of group) outcome.reject(error);
      }
    }
    busy = false;
  }

  return (items) => {
    const outcome = Promise.withResolvers<Result>();
    waiting.push({ items, outcome });
    if (!busy) void work();
    return outcome.promise;
  };
}
