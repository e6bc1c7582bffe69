import type { TrainEvent } from './api.ts';

type Of<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>;
export type Step = Of<'step'>;
export type Validation = Of<'validation'>;

/** What a run has stored, by kind, each in the order of its steps. */
export interface RunSeries {
  readonly started: Of<'started'> | null;
  readonly steps: readonly Step[];
  readonly validations: readonly Validation[];
  readonly checkpoints: readonly Of<'checkpoint'>[];
  readonly warnings: readonly string[];
}

export const noSeries: RunSeries = { started: null, steps: [], validations: [], checkpoints: [], warnings: [] };

/** An event of a step that was there before replaces it. */
function byStep<Event extends { readonly step: number }>(
  known: readonly Event[],
  fresh: readonly Event[],
): readonly Event[] {
  if (fresh.length === 0) return known;
  const merged = new Map(known.map((event) => [event.step, event]));
  for (const event of fresh) merged.set(event.step, event);
  return [...merged.values()].sort((a, b) => a.step - b.step);
}

/** The series with new events in it; an event that is there already changes nothing. */
export function withEvents(series: RunSeries, events: readonly TrainEvent[]): RunSeries {
  const of = <Type extends TrainEvent['type']>(type: Type) =>
    events.filter((event): event is Of<Type> => event.type === type);
  return {
    started: of('started').at(-1) ?? series.started,
    steps: byStep(series.steps, of('step')),
    validations: byStep(series.validations, of('validation')),
    checkpoints: byStep(series.checkpoints, of('checkpoint')),
    warnings: [...new Set([...series.warnings, ...of('warning').map(({ message }) => message)])],
  };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What of steps or validations is drawn; what was no finite number is left out. */
export function pointsOf<Event extends { readonly step: number }>(
  events: readonly Event[],
  value: (event: Event) => number | null | undefined,
): Point[] {
  return events.flatMap((event) => {
    const y = value(event);
    return y === null || y === undefined ? [] : [{ x: event.step, y }];
  });
}

/** An exponential moving average, corrected for its start (Kingma and Ba 2015, section 3). `weight` 0: as it is. */
export function smoothed(points: readonly Point[], weight: number): Point[] {
  let average = 0;
  let share = 1;
  return points.map(({ x, y }) => {
    average = weight * average + (1 - weight) * y;
    share *= weight;
    return { x, y: average / (1 - share) };
  });
}

/** Means over so many steps at once. Lines of the same width have their points at the same places. */
export function thinned(points: readonly Point[], width: number): Point[] {
  if (width <= 1) return [...points];
  const bins = Map.groupBy(points, ({ x }) => Math.floor((x - 1) / width));
  return [...bins].map(([bin, inside]) => ({
    x: bin * width + (width + 1) / 2,
    y: inside.reduce((sum, { y }) => sum + y, 0) / inside.length,
  }));
}

export interface BandPoint extends Point {
  readonly low: number;
  readonly high: number;
}

/** Mean, lowest and highest of repeats, where all of them have got to. */
export function meanAndBand(lines: readonly (readonly Point[])[]): BandPoint[] {
  const at = new Map<number, number[]>();
  for (const { x, y } of lines.flat()) {
    const values = at.get(x);
    if (values === undefined) at.set(x, [y]);
    else values.push(y);
  }
  return [...at]
    .filter(([, values]) => values.length === lines.length)
    .map(([x, values]) => ({
      x,
      y: values.reduce((sum, y) => sum + y, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }))
    .sort((a, b) => a.x - b.x);
}

/** Of one step; null where it took no time. */
export const tokensPerSecond = ({ tokens, tookMs }: Step) => (tookMs > 0 ? (1000 * tokens) / tookMs : null);

const recentSteps = 20;

/** ms that the rest takes at the pace of the last steps; null where there is no telling. */
export function timeLeft(series: RunSeries, totalSteps: number | null): number | null {
  const recent = series.steps.slice(-recentSteps);
  const last = recent.at(-1);
  if (last === undefined || totalSteps === null) return null;
  const pace = recent.reduce((sum, { tookMs }) => sum + tookMs, 0) / recent.length;
  return Math.max(0, totalSteps - last.step) * pace;
}
