import type { LoadCurve, LoadPoint, Quantity } from './api.ts';

/** What is drawn of loads. */

/** Closed loops and open ones answer different questions: they are never in one picture. */
export type Loop = 'closed' | 'open';
export type Across = 'offered' | 'achieved';

export interface LoadFigure {
  readonly key: string;
  readonly label: string;
  readonly unit: 'ms' | '/s' | '%';
  readonly of: (point: LoadPoint) => Quantity | null;
}

/** The figures of a load that can be drawn. */
export const loadFigures: readonly LoadFigure[] = [
  { key: 'totalP50Ms', label: 'Whole answer, p50', unit: 'ms', of: (point) => point.totalP50Ms },
  { key: 'totalP95Ms', label: 'Whole answer, p95', unit: 'ms', of: (point) => point.totalP95Ms },
  { key: 'ttftP50Ms', label: 'First token (TTFT), p50', unit: 'ms', of: (point) => point.ttftP50Ms },
  { key: 'ttftP95Ms', label: 'First token (TTFT), p95', unit: 'ms', of: (point) => point.ttftP95Ms },
  { key: 'tpotP50Ms', label: 'Per output token (TPOT), p50', unit: 'ms', of: (point) => point.tpotP50Ms },
  { key: 'interTokenP95Ms', label: 'Between tokens, p95', unit: 'ms', of: (point) => point.interTokenP95Ms },
  { key: 'requestsPerSecond', label: 'Requests answered', unit: '/s', of: (point) => point.requestsPerSecond },
  {
    key: 'completionTokensPerSecond',
    label: 'Output tokens',
    unit: '/s',
    of: (point) => point.completionTokensPerSecond,
  },
  { key: 'goodputPerSecond', label: 'Goodput', unit: '/s', of: (point) => point.goodputPerSecond },
];

/** Closed: so many callers; open: arrivals at their own times. */
export const loopOf = ({ arrivals }: LoadPoint): Loop => (arrivals.kind === 'closed' ? 'closed' : 'open');

/** What was sent: requests at once, or requests per second. */
export const offered = ({ arrivals }: LoadPoint): number =>
  arrivals.kind === 'closed' ? arrivals.concurrency : arrivals.perSecond;

/** One thing measured under one load. */
export interface Drawn {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly point: LoadPoint;
}

export interface LoadSeries {
  readonly optimisation: string;
  readonly drawn: readonly Drawn[];
}

/** A line for each optimisation, in the order in which load was raised. Series without a figure are left out. */
export function loadSeries(
  curves: readonly LoadCurve[],
  { loop, across, figure }: { loop: Loop; across: Across; figure: LoadFigure },
): readonly LoadSeries[] {
  return curves.flatMap(({ optimisation, points }) => {
    const drawn = points
      .filter((point) => loopOf(point) === loop)
      .toSorted((a, b) => offered(a) - offered(b))
      .flatMap((point) => {
        const measured = figure.of(point);
        if (measured === null) return [];
        const x = across === 'offered' ? offered(point) : point.requestsPerSecond.value;
        return [{ x, y: measured.value, low: measured.low, high: measured.high, point }];
      });
    return drawn.length === 0 ? [] : [{ optimisation, drawn }];
  });
}

/** Whether figures span so much that a logarithmic scale shows them better; never with a 0 among them. */
export function spansWidely(values: readonly number[]): boolean {
  const lowest = Math.min(...values);
  return lowest > 0 && Math.max(...values) / lowest > 10;
}
