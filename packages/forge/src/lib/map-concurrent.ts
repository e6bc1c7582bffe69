/**
 * Applies an async function to a stream with at most `limit` calls under way, yielding results as they are ready (not in
 * source order). Results wait in a buffer of at most 4 x limit; then no new item is taken until the consumer catches up.
 * The first error of source or function is thrown to the consumer; items under way then still finish, their results unseen.
 */
export async function* mapConcurrent<Item, Result>(
  source: AsyncIterable<Item>,
  limit: number,
  apply: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const iterator = source[Symbol.asyncIterator]();
  const bufferLimit = limit * 4;
  let ready: Result[] = [];
  let failure: { error: unknown } | undefined;
  let stopped = false;
  let active = limit;
  let wakeConsumer = () => {};
  let drained = Promise.withResolvers<void>();

  async function work(): Promise<void> {
    try {
      while (!stopped && failure === undefined) {
        const { value, done } = await iterator.next();
        if (done === true) break;
        const result = await apply(value);
        ready.push(result);
        wakeConsumer();
        while (ready.length >= bufferLimit && !stopped) await drained.promise;
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      active--;
      wakeConsumer();
    }
  }

  for (let i = 0; i < limit; i++) void work();
  try {
    while (true) {
      if (ready.length > 0) {
        const batch = ready;
        ready = [];
        drained.resolve();
        drained = Promise.withResolvers<void>();
        yield* batch;
      } else if (failure !== undefined) throw failure.error;
      else if (active === 0) return;
      else await new Promise<void>((resolve) => (wakeConsumer = resolve));
    }
  } finally {
    stopped = true;
    drained.resolve();
    await iterator.return?.();
  }
}
