import type { Engine } from '../engine.ts';

/** The same engine with some of its methods replaced. Works for engines that are classes, which a spread would empty. */
export function wrapEngine(
  engine: Engine,
  replaced: Partial<Pick<Engine, 'generate' | 'score' | 'stats' | 'close'>>,
): Engine {
  const { name, fingerprint, modelDigest, settings, concurrency, maxRetries, features } = engine;
  return {
    name,
    fingerprint,
    modelDigest,
    settings,
    concurrency,
    ...(maxRetries === undefined ? {} : { maxRetries }),
    ...(features === undefined ? {} : { features }),
    generate: (request) => engine.generate(request),
    ...(engine.score && { score: engine.score.bind(engine) }),
    ...(engine.countTokens && { countTokens: engine.countTokens.bind(engine) }),
    ...(engine.tokenizer && { tokenizer: engine.tokenizer }),
    ...(engine.release && { release: engine.release.bind(engine) }),
    ...(engine.stats && { stats: engine.stats.bind(engine) }),
    ...(engine.load && { load: engine.load.bind(engine) }),
    close: () => engine.close(),
    ...replaced,
  };
}

/** The timing of a call that waited before its engine saw it. */
export function delayedBy<G extends { timing: { queuedMs: number; totalMs: number }; tokenMs?: readonly number[] }>(
  waitedMs: number,
  generation: G,
): G {
  const { timing, tokenMs } = generation;
  return {
    ...generation,
    ...(tokenMs === undefined ? {} : { tokenMs: tokenMs.map((ms) => ms + waitedMs) }),
    timing: { ...timing, queuedMs: timing.queuedMs + waitedMs, totalMs: timing.totalMs + waitedMs },
  };
}
