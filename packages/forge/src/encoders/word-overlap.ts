import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { EncoderParts, Nli } from '../encoder.ts';

const options = z.strictObject({});

const wordsOf = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

/** The control of every judge: whoever does no better than counting common words has understood nothing. */
export const definition: Definition<Nli, EncoderParts, typeof options> = {
  name: 'word-overlap',
  summary: 'The share of the claim’s words that the premise has: the control, no model.',
  options,
  create: () => ({
    name: 'word-overlap',
    fingerprint: 'word-overlap',
    judge: async (pairs) =>
      pairs.map(({ premise, hypothesis }) => {
        const there = wordsOf(premise);
        const wanted = [...wordsOf(hypothesis)];
        const entailment = wanted.filter((word) => there.has(word)).length / Math.max(1, wanted.length);
        return { entailment, neutral: 1 - entailment, contradiction: 0 };
      }),
    close: async () => {},
  }),
};
