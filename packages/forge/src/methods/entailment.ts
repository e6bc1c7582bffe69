import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import type { Method, MethodParts } from '../method.ts';

const options = z.strictObject({
  nli: componentReference('nli').default('nli-classifier').describe('What judges.'),
  threshold: z.number().gt(0).lt(1).default(0.5).describe('Probability of entailment from which a claim is supported.'),
  supported: z.string().default('supported').describe('The answer where the context states the claim.'),
  unsupported: z.string().default('unsupported').describe('The answer where it does not.'),
});

/**
 * Judges each question, a claim, by its context: how good a model of natural language inference is as a judge of faithfulness,
 * on any file of claims and evidence (Honovich et al. 2022, TRUE, https://arxiv.org/abs/2204.04991).
 */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'entailment',
  summary:
    'Whether the context states the question (a claim), by NLI: no language model is asked. For judging the judges.',
  options,
  create({ nli: reference, threshold, supported, unsupported }, parts) {
    const open = lazy(() => parts.nli(specOf(reference)));
    return {
      name: 'entailment',
      preview: () => ({ prompts: [] }),
      prepare: async () => ({ nli: (await open()).fingerprint }),
      async solve({ text, context = '' }, { signal }) {
        const [judged] = await (await open()).judge([{ premise: context, hypothesis: text }], signal);
        const { entailment = 0, neutral = 0, contradiction = 0 } = judged ?? {};
        const isSupported = entailment >= threshold;
        const step = { kind: 'claim', text, supported: isSupported, entailment, neutral, contradiction };
        return { answer: isSupported ? supported : unsupported, steps: [step] };
      },
    };
  },
};
