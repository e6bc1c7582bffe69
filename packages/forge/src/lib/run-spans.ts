import { createHash } from 'node:crypto';
import type { ExampleResult, RunEvent } from '../run.ts';
import { type RunFacts, spansOf } from './otel-spans.ts';
import { type OtlpSpan, textAttribute, unixNanos, wholeAttribute } from './otlp-json.ts';

/** One trace for an attempt at a run: the run, below it its examples, below each its model and tool calls. */
export interface RunTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: of the run. */
  readonly spanId: string;
}

/** Of a run and when this attempt began: one that goes on later is another trace. */
export function runTrace(runId: string, startedAt: number): RunTrace {
  const digest = createHash('sha256')
    .update(JSON.stringify(['run', runId, startedAt]))
    .digest('hex');
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

/** The spans of an example as a part of its run. */
export const spansInRun = (
  trace: RunTrace,
  result: ExampleResult,
  facts: RunFacts,
  options: { readonly content: boolean },
): OtlpSpan[] =>
  spansOf(result, facts, options).map((span) => ({
    ...span,
    traceId: trace.traceId,
    parentSpanId: span.parentSpanId ?? trace.spanId,
  }));

/** The run itself, once it has ended. `startedAt`, `endedAt`: ms since the epoch. */
export function runSpan(
  trace: RunTrace,
  facts: RunFacts,
  {
    startedAt,
    endedAt,
    examples,
    failed,
    end,
  }: {
    readonly startedAt: number;
    readonly endedAt: number;
    readonly examples: number;
    readonly failed: number;
    readonly end: Extract<RunEvent, { type: 'run-finished' }>;
  },
): OtlpSpan {
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    name: `run ${facts.variant}`,
    kind: 1,
    startTimeUnixNano: unixNanos(startedAt),
    endTimeUnixNano: unixNanos(endedAt),
    attributes: [
      textAttribute('forge.experiment', facts.experiment),
      textAttribute('forge.run.id', facts.runId),
      textAttribute('forge.run.status', end.status),
      wholeAttribute('forge.run.examples', examples),
      wholeAttribute('forge.run.failed', failed),
      textAttribute('gen_ai.request.model', facts.model),
    ],
    status: end.status === 'failed' ? { code: 2, message: end.error ?? 'failed' } : { code: 0 },
  };
}
