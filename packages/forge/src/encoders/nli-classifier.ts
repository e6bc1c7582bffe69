import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { EncoderParts, Entailment, Nli } from '../encoder.ts';
import { ConfigError } from '../errors.ts';
import { modelOption, modelOptions, openModelThread } from './transformers/model-thread.ts';

const options = z.strictObject({ model: modelOption('Xenova/nli-deberta-v3-xsmall'), ...modelOptions });

const kinds = ['entailment', 'neutral', 'contradiction'] as const;

/** Which logit means what, as the model's config names them; models differ in their order. */
function placesOf(model: string, labels: Readonly<Record<string, string>>): Record<(typeof kinds)[number], number> {
  const entries = Object.entries(labels).map(([place, label]) => [label.toLowerCase(), Number(place)] as const);
  const place = (kind: string) => {
    const found = entries.find(([label]) => label.startsWith(kind.slice(0, 6)));
    if (found !== undefined) return found[1];
    throw new ConfigError(
      `model ${model}: its labels (${Object.values(labels).join(', ')}) name no ${kind}; it is no model of natural language inference`,
    );
  };
  return { entailment: place('entailment'), neutral: place('neutral'), contradiction: place('contradiction') };
}

function softmax(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Natural language inference (Bowman et al. 2015, https://arxiv.org/abs/1508.05326) through transformers.js. */
export const definition: Definition<Nli, EncoderParts, typeof options> = {
  name: 'nli-classifier',
  summary: 'A model in ONNX that tells whether a premise states a claim, through transformers.js.',
  options,
  async create(settings, parts) {
    const thread = await openModelThread('classification', settings, parts);
    let places: ReturnType<typeof placesOf>;
    try {
      places = placesOf(settings.model, thread.labels);
    } catch (error) {
      await thread.close();
      throw error;
    }
    return {
      name: 'nli-classifier',
      fingerprint: thread.fingerprint,
      async judge(pairs, signal) {
        const logits = await thread.classify(
          pairs.map(({ premise, hypothesis }) => [premise, hypothesis] as const),
          signal,
        );
        return logits.map((row): Entailment => {
          const shares = softmax(row);
          const share = (kind: (typeof kinds)[number]) => shares[places[kind]] ?? 0;
          return { entailment: share('entailment'), neutral: share('neutral'), contradiction: share('contradiction') };
        });
      },
      close: thread.close,
    };
  },
};
