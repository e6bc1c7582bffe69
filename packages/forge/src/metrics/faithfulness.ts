import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Entailment, Nli } from '../encoder.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({
  nli: componentReference('nli').default('nli-classifier').describe('What judges whether a passage states a claim.'),
  threshold: z.number().gt(0).lt(1).default(0.5).describe('Probability of entailment from which a claim is supported.'),
  claimTemplate: z
    .string()
    .default('The answer to "{question}" is {answer}.')
    .describe('The claim that an answer makes which is no sentence by itself.'),
});

const shortAnswerWords = 4;

/** The sentences of an answer, each a claim; an answer that is no sentence becomes one with its question. */
function claimsOf(question: string, answer: string, template: string): string[] {
  const text = answer.trim();
  if (text === '') return [];
  if (text.split(/\s+/).length <= shortAnswerWords) {
    const values: Record<string, string> = { question, answer: text.replace(/\.$/, '') };
    return [template.replace(/\{(question|answer)\}/g, (_, name: string) => values[name] ?? '')];
  }
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment.trim()).filter((claim) => claim !== '');
}

/** The best support that any passage, or all of them together, give a claim. */
async function supportOf(claim: string, premises: readonly string[], nli: Nli): Promise<Entailment> {
  const nothing: Entailment = { entailment: 0, neutral: 1, contradiction: 0 };
  const judged = await nli.judge(premises.map((premise) => ({ premise, hypothesis: claim })));
  return judged.reduce((best, one) => (one.entailment > best.entailment ? one : best), nothing);
}

/**
 * Share of an answer's claims that the passages in its prompt state, by natural language inference, sentence by sentence
 * (Es et al. 2023, https://arxiv.org/abs/2309.15217; Honovich et al. 2022, https://arxiv.org/abs/2204.04991). One minus it is
 * the hallucination rate. An answer without claims has none that is unfounded: 1; it is counted as empty beside.
 */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'faithfulness',
  summary: 'Share of the answer’s claims that the retrieved passages state, by NLI; the judged claims are stored.',
  options,
  create({ nli: reference, threshold, claimTemplate }, parts) {
    const open = lazy(() => parts.nli(specOf(reference)));
    return {
      name: 'faithfulness',
      binary: false,
      prepare: async () => ({ faithfulness: (await open()).fingerprint }),
      async score(example, { answer, steps }) {
        const claims = claimsOf(example.text, answer, claimTemplate);
        if (claims.length === 0) return 1;
        const nli = await open();
        const passages = steps.filter(({ kind, inPrompt }) => kind === 'passage' && inPrompt !== false);
        const texts = passages.map(({ text }) => text);
        const premises = texts.length > 1 ? [...texts, texts.join(' ')] : texts;
        const judged = [];
        for (const claim of claims) {
          const { entailment, contradiction } = await supportOf(claim, premises, nli);
          judged.push({ kind: 'claim', text: claim, supported: entailment >= threshold, entailment, contradiction });
        }
        return { score: judged.filter(({ supported }) => supported).length / claims.length, steps: judged };
      },
    };
  },
};
