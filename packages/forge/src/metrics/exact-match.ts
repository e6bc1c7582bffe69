import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { normalizationOption } from '../lib/normalization-option.ts';
import { normalizations } from '../lib/normalize-answer.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ normalization: normalizationOption });

/** 1 where the normalised answer is one of the normalised targets (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250). */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'exact-match',
  summary: 'The answer equals a target after normalisation.',
  options,
  create({ normalization }) {
    const normalize = normalizations[normalization];
    return {
      name: 'exact-match',
      binary: true,
      score({ targets }, { answer }) {
        const given = normalize(answer);
        return targets.some((target) => normalize(target) === given) ? 1 : 0;
      },
    };
  },
};
