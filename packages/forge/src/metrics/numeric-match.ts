import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { lastNumber } from '../lib/read-number.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({
  tolerance: z.number().min(0).max(1).default(0).describe('Largest relative difference that still counts as equal.'),
});

/**
 * 1 where the last number of the answer equals that of a target (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168).
 * An answer without a number scores 0.
 */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'numeric-match',
  summary: 'The last number in the answer equals the target’s.',
  options,
  create({ tolerance }) {
    return {
      name: 'numeric-match',
      binary: true,
      score({ targets }, { answer }) {
        const given = lastNumber(answer);
        if (given === undefined) return 0;
        const equal = (target: number | undefined) =>
          target !== undefined && (given === target || Math.abs(given - target) <= tolerance * Math.abs(target));
        return targets.some((target) => equal(lastNumber(target))) ? 1 : 0;
      },
    };
  },
};
