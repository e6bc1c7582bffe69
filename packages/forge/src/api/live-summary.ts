import { describeMetrics } from '../build.ts';
import type { VariantSpec } from '../load-experiment.ts';
import type { RunRecord, Store } from '../store.ts';
import { type RunSummary, summarizeRun } from '../summarize-run.ts';

interface Kept {
  readonly summary: Promise<RunSummary>;
  readonly until: number;
}

/** A summary is made anew at most after this, and after twenty times what making it took: watching must not slow the run. */
const leastAgeMs = 1000;
const ageFactor = 20;
const mostKept = 100;

/** The figures of runs that go on, of their examples so far: the same as at the end, made once for all who look. */
export function createLiveSummaries(store: Store, clock: { now(): number; monotonic(): number }) {
  const kept = new Map<string, Kept>();

  async function compute(run: RunRecord): Promise<RunSummary> {
    const metrics = await describeMetrics((run.spec as VariantSpec).metrics);
    // How long a resumed attempt has gone on is not known here: no rate is better than a wrong one.
    const wallMs = run.wallMs === 0 && run.startedAt !== null ? clock.now() - run.startedAt : 0;
    return summarizeRun(store.scoredRows(run.id), { metrics, wallMs });
  }

  return async function liveSummary(run: RunRecord): Promise<RunSummary | null> {
    const now = clock.monotonic();
    const found = kept.get(run.id);
    if (found !== undefined && now < found.until) return found.summary;
    const summary = compute(run);
    kept.delete(run.id);
    kept.set(run.id, { summary, until: Number.POSITIVE_INFINITY });
    const oldest = kept.keys().next().value;
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    try {
      await summary;
    } catch (error) {
      kept.delete(run.id);
      throw error;
    }
    const tookMs = clock.monotonic() - now;
    kept.set(run.id, { summary, until: clock.monotonic() + Math.max(leastAgeMs, ageFactor * tookMs) });
    return summary;
  };
}
