import type { Engine } from '../engine.ts';
import { EngineError, messageOf } from '../errors.ts';
import { createSharedExclusive } from '../lib/shared-exclusive.ts';
import { wrapEngine } from './wrap-engine.ts';

/** So often may one request end the engine's process. */
const mostCrashes = 3;

/**
 * Finds the request that ends the engine's process: all that were under way when it ended are repeated, each alone, so that
 * one does not fail for another. The one that ends it three times fails as `poison` and is not tried again.
 */
export function withQuarantine(engine: Engine): Engine {
  const gate = createSharedExclusive();

  async function attempt<Result>(call: () => Promise<Result>, signal: AbortSignal | undefined) {
    for (let crashes = 0; ; ) {
      const leave = await (crashes === 0 ? gate.shared : gate.exclusive)(signal).catch(() => {
        throw new EngineError('cancelled', 'cancelled while it waited to be repeated');
      });
      try {
        return { result: await call(), crashes };
      } catch (error) {
        if (!(error instanceof EngineError && error.kind === 'crashed') || signal?.aborted) throw error;
        crashes++;
        if (crashes === mostCrashes) {
          const message = `set aside: it ended the engine's process ${crashes} times (${messageOf(error)})`;
          throw new EngineError('poison', message, { cause: error });
        }
      } finally {
        leave();
      }
    }
  }

  const { score } = engine;
  return wrapEngine(engine, {
    async generate(request) {
      const { result, crashes } = await attempt(() => engine.generate(request), request.signal);
      return crashes === 0 ? result : { ...result, retries: result.retries + crashes };
    },
    ...(score && {
      score: async (request) => (await attempt(() => score.call(engine, request), request.signal)).result,
    }),
  });
}
