import type { Arrivals, MatrixCell, Quantity } from './api.ts';

/** Figures of benchmarks as text. */

const digits = (value: number) => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);

/** `3.20`, `12.5`, `1,250`: three figures or so. */
export const rateText = (value: number) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits(value), maximumFractionDigits: digits(value) });

/** `[2.88, 3.52]`, as exact as the value itself is told; empty for a single observation, which has none. */
export function rateInterval({ value, low, high, n }: Quantity): string {
  if (n < 2) return '';
  const fixed = (bound: number) =>
    bound.toLocaleString('en-US', { minimumFractionDigits: digits(value), maximumFractionDigits: digits(value) });
  return `[${fixed(low)}, ${fixed(high)}]`;
}

/** `3.20×` */
export const speedText = (value: number) => `${rateText(value)}×`;

/** `8 at once`, `8/s Poisson`: what was sent. */
export function arrivalsText(arrivals: Arrivals): string {
  switch (arrivals.kind) {
    case 'closed':
      return `${arrivals.concurrency} at once`;
    case 'poisson':
      return `${rateText(arrivals.perSecond)}/s Poisson`;
    case 'constant':
      return `${rateText(arrivals.perSecond)}/s constant`;
    case 'trace':
      return `trace of ${arrivals.requests}, ${rateText(arrivals.perSecond)}/s`;
  }
}

/** `$12.50`, `$0.031`, `$0.00000011`: two figures of small amounts. */
export function money(amount: number): string {
  if (amount >= 1) return `$${rateText(amount)}`;
  return `$${amount === 0 ? '0' : amount.toFixed(Math.min(12, 1 - Math.floor(Math.log10(amount))))}`;
}

type Verdict = NonNullable<MatrixCell['equivalence']>['verdict'];

/** What became of accuracy: icon, word and colours. */
export const verdictLooks: Readonly<Record<Verdict, { icon: string; word: string; className: string }>> = {
  equivalent: { icon: '✓', word: 'equivalent', className: 'bg-correct-soft text-correct' },
  better: { icon: '▲', word: 'better', className: 'bg-correct-soft text-correct' },
  worse: { icon: '▼', word: 'worse', className: 'bg-wrong-soft text-wrong' },
  undecided: { icon: '?', word: 'undecided', className: 'bg-warning-soft text-warning' },
};

/** More doublings do not make a colour stronger: else one that answers from a cache would leave all others pale. */
const mostDoublings = 3;

/** How strongly a cell of the heat map is coloured, -1 (slowest) to 1 (fastest): by the doublings from 1, against the most of all. */
export function heatOf(speedUp: number, all: readonly number[]): number {
  const doublings = (value: number) => (value > 0 ? Math.log2(value) : 0);
  const most = Math.min(mostDoublings, Math.max(1, ...all.map((value) => Math.abs(doublings(value)))));
  return Math.max(-1, Math.min(1, doublings(speedUp) / most));
}

/** `method / optimisation` */
export const pointName = ({ method, optimisation }: { method: string; optimisation: string }) =>
  `${method} / ${optimisation}`;
