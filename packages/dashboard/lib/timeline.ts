import { type AgentStep, stepName } from './agent-trace.ts';

/** One call of the model or of a tool on the time axis, ms. */
export interface Span {
  /** Place of its step among the steps. */
  readonly step: number;
  readonly turn: number;
  readonly kind: 'model' | 'tool';
  /** `model`, or the tool's name. */
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly error?: string;
}

export interface Timeline {
  readonly spans: readonly Span[];
  /** By step: when it and all before it were over. */
  readonly ends: readonly number[];
  readonly totalMs: number;
}

function spansOf(step: AgentStep, at: number): Span[] {
  const { turn, startedMs, modelMs, toolMs, error } = step;
  const askedMs = startedMs + modelMs;
  // What cannot be read is the model's failure: there is no tool to show it on.
  const ofModel = step.tool === undefined && error !== undefined ? { error } : {};
  const model: Span = { step: at, turn, kind: 'model', name: 'model', fromMs: startedMs, toMs: askedMs, ...ofModel };
  const tool: Span = {
    step: at,
    turn,
    kind: 'tool',
    name: stepName(step),
    fromMs: askedMs,
    toMs: askedMs + (toolMs ?? 0),
    ...(error === undefined ? {} : { error }),
  };
  return [...(step.startsTurn ? [model] : []), ...(step.tool === undefined ? [] : [tool])];
}

/** The steps of a trace as bars in time, ms. */
export function timelineOf(steps: readonly AgentStep[]): Timeline {
  const spans = steps.flatMap(spansOf);
  let endMs = 0;
  const ends = steps.map(({ startedMs, modelMs, toolMs = 0 }) => {
    // Tools of one turn run at the same time: a later one may be over before an earlier one.
    endMs = Math.max(endMs, startedMs + modelMs + toolMs);
    return endMs;
  });
  return { spans, ends, totalMs: endMs };
}

/** Round figures from 0 on, not past the total: about four of them. */
export function ticksOf(totalMs: number): number[] {
  if (!(totalMs > 0)) return [0];
  const rough = totalMs / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(totalMs / step + 1e-9) + 1 }, (_, i) => i * step);
}
