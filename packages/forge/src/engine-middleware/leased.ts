import type { Engine } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { delayedBy, wrapEngine } from './wrap-engine.ts';

/** A place at an engine, lent for one call. */
export interface Place {
  /** Aborts where the place is lost: the call must end before somebody else has it. */
  readonly lost: AbortSignal;
  free(): void;
}

/** Where places come from. Rejects where `signal` aborts. */
export type TakePlace = (signal: AbortSignal | undefined) => Promise<Place>;

/** Makes each call in a place that it holds, so that a limit holds over all machines. `now`: ms, never backwards. */
export function withLeases(engine: Engine, take: TakePlace, now: () => number): Engine {
  async function inPlace<Result>(signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<Result>) {
    const asked = now();
    const place = await take(signal).catch((error: unknown) => {
      if (signal?.aborted)
        throw new EngineError('cancelled', 'cancelled while it waited for a place', { cause: error });
      throw error;
    });
    const waitedMs = now() - asked;
    try {
      return {
        result: await call(signal === undefined ? place.lost : AbortSignal.any([signal, place.lost])),
        waitedMs,
      };
    } catch (error) {
      if (!place.lost.aborted || signal?.aborted) throw error;
      throw new EngineError('server-error', 'its place under a limit was lost: the database did not answer', {
        retryable: true,
        cause: error,
      });
    } finally {
      place.free();
    }
  }

  const { score } = engine;
  return wrapEngine(engine, {
    async generate(request) {
      const { result, waitedMs } = await inPlace(request.signal, (signal) => engine.generate({ ...request, signal }));
      return delayedBy(waitedMs, result);
    },
    ...(score && {
      score: async (request) =>
        (await inPlace(request.signal, (signal) => score.call(engine, { ...request, signal }))).result,
    }),
  });
}
