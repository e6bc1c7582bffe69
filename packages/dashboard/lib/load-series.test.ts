import { describe, expect, it } from 'vitest';
import type { LoadPoint } from './api.ts';
import { type LoadFigure, loadFigures, loadSeries, spansWidely } from './load-series.ts';

const quantity = (value: number) => ({ value, low: value - 1, high: value + 1, n: 2 });

const point = (arrivals: LoadPoint['arrivals'], rate: number, ttft: number | null): LoadPoint => ({
  arrivals,
  repetitions: 2,
  requests: 100,
  requestsPerSecond: quantity(rate),
  completionTokensPerSecond: null,
  goodputPerSecond: null,
  ttftP50Ms: ttft === null ? null : quantity(ttft),
  ttftP95Ms: null,
  tpotP50Ms: null,
  interTokenP95Ms: null,
  totalP50Ms: null,
  totalP95Ms: null,
  cachedPromptShare: 0,
  failed: 0,
  saturated: false,
});

const curves = [
  {
    optimisation: 'one',
    sustainedPerSecond: null,
    points: [
      point({ kind: 'closed', concurrency: 4 }, 9, 50),
      point({ kind: 'poisson', perSecond: 5 }, 5, 20),
      point({ kind: 'closed', concurrency: 1 }, 3, 10),
      point({ kind: 'closed', concurrency: 2 }, 6, null),
      point({ kind: 'trace', requests: 8, perSecond: 2 }, 2, 12),
    ],
  },
  { optimisation: 'silent', sustainedPerSecond: null, points: [point({ kind: 'closed', concurrency: 1 }, 3, null)] },
];
const figure = loadFigures.find(({ key }) => key === 'ttftP50Ms') as LoadFigure;
const places = (loop: 'closed' | 'open', across: 'offered' | 'achieved') =>
  loadSeries(curves, { loop, across, figure }).map(({ optimisation, drawn }) => [
    optimisation,
    drawn.map(({ x, y }) => [x, y]),
  ]);

describe('lines of loads', () => {
  it('hold one kind of loop, in the order in which load was raised, and what was measured', () => {
    expect(places('closed', 'offered')).toEqual([
      [
        'one',
        [
          [1, 10],
          [4, 50],
        ],
      ],
    ]);
    expect(places('closed', 'achieved')).toEqual([
      [
        'one',
        [
          [3, 10],
          [9, 50],
        ],
      ],
    ]);
    expect(places('open', 'offered')).toEqual([
      [
        'one',
        [
          [2, 12],
          [5, 20],
        ],
      ],
    ]);
  });

  it('have a logarithmic scale where they span widely', () => {
    expect(spansWidely([2, 40])).toBe(true);
    expect(spansWidely([5, 40])).toBe(false);
    expect(spansWidely([0, 40])).toBe(false);
  });
});
