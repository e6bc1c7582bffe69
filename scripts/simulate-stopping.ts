/**
 * What sequential stopping (compare.stop) promises, by simulation with a fixed seed: false alarms where there is no difference, while one looks
 * after every example, beside peeking with the ordinary test; and examples saved where there is one. Prints the tables of
 * docs/sequential-stopping.md.
 *
 *   npm run simulate:stopping -- [--repetitions 4000]
 */
import { parseArgs } from 'node:util';
import { formatCount, markdownTable } from '../packages/forge/src/lib/format.ts';
import { wilsonEstimate } from '../packages/forge/src/statistics/estimate.ts';
import { simulateStopping } from '../packages/forge/src/testing/simulate-stopping.ts';

const { values } = parseArgs({ options: { repetitions: { type: 'string', default: '4000' } } });
const repetitions = Number(values.repetitions);
const common = { repetitions, seed: 'sequential stopping', alpha: 0.05 };

function share(count: number): string {
  const { value, low, high } = wilsonEstimate(count, repetitions);
  return `${(100 * value).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}
const percent = (value: number) => (100 * value).toFixed(1);

console.log(
  `No true difference, ${formatCount(repetitions)} repetitions of 500 examples, a look after each, alpha 5 %\n`,
);
const none = [0.05, 0.1, 0.2, 0.5, 1].map((discordance) => {
  const never = { most: 500, difference: 0, margin: 0, atLeast: 1, every: 1 };
  const { early, atEnd, peeking } = simulateStopping({ ...common, ...never, discordance });
  const stopped = early.above + early.below;
  return [percent(discordance), share(stopped), share(stopped + atEnd.above + atEnd.below), share(peeking)];
});
console.log(
  markdownTable(
    [
      'pairs that differ, %',
      'stopped with a false alarm, %',
      'with those of the test at the end, %',
      'peeking with McNemar’s test, %',
    ],
    none,
  ),
);

const effects = [
  ...[0.05, 0.1, 0.2, 0.5, 0.8].map((difference) => ({ difference, discordance: difference + 0.1, margin: 0.05 })),
  { difference: 0, discordance: 0.02, margin: 0.05 },
  { difference: 0, discordance: 0.1, margin: 0.05 },
  { difference: 0, discordance: 0.1, margin: 0.1 },
];
for (const most of [500, 2000]) {
  console.log(
    `\n${formatCount(most)} examples at most, the defaults of compare.stop (a look after 50, then after every 25)\n`,
  );
  const rows = effects.map(({ difference, discordance, margin }) => {
    const found = simulateStopping({ ...common, most, difference, discordance, margin, atLeast: 50, every: 25 });
    const { early, atEnd, examples } = found;
    return [
      percent(difference),
      percent(discordance),
      percent(margin),
      formatCount(examples),
      percent(1 - examples / most),
      share(early.above),
      share(early.within),
      share(early.above + atEnd.above),
      share(early.below + atEnd.below),
    ];
  });
  console.log(
    markdownTable(
      [
        'true difference, points',
        'pairs that differ, %',
        'margin, points',
        'mean examples',
        'saved, %',
        'stopped as better, %',
        'stopped as equivalent, %',
        'better in the end, %',
        'worse in the end, %',
      ],
      rows,
    ),
  );
}
