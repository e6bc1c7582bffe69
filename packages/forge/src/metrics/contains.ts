import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { normalizationOption } from '../lib/normalization-option.ts';
import { normalizations } from '../lib/normalize-answer.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ normalization: normalizationOption });

/**
 * 1 where a normalised target is a substring of the normalised answer: the field's "match" accuracy (Asai et al. 2023,
 * https://arxiv.org/abs/2310.11511; `acc` of FlashRAG). A target that normalises to nothing is contained only in nothing.
 */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'contains',
  summary: 'A target occurs in the answer after normalisation.',
  options,
  create({ normalization }) {
    const normalize = normalizations[normalization];
    return {
      name: 'contains',
      binary: true,
      score({ targets }, { answer }) {
        const given = normalize(answer);
        const found = targets.map(normalize).some((target) => (target === '' ? given === '' : given.includes(target)));
        return found ? 1 : 0;
      },
    };
  },
};
