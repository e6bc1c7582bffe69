import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({});

const choiceStep = z.object({ kind: z.literal('choice'), text: z.string(), logprob: z.number() });

/**
 * How much likelier the model finds a target than the likeliest other choice: log p(target) - log p(other), nats, by the steps of
 * the method choose. Not bounded, and zero for a coin. On preference pairs the paired difference between a trained model and
 * the one before, times beta, is the reward margin of DPO (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290).
 */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'log-margin',
  summary: 'Log-probability of the target less that of the likeliest other choice (method choose), in nats.',
  options,
  create: () => ({
    name: 'log-margin',
    binary: false,
    unit: 'nats',
    score(example, { steps }) {
      const choices = steps.flatMap((step) => choiceStep.safeParse(step).data ?? []);
      const best = (right: boolean) =>
        Math.max(
          ...choices.filter(({ text }) => example.targets.includes(text) === right).map(({ logprob }) => logprob),
        );
      const margin = best(true) - best(false);
      if (Number.isFinite(margin)) return margin;
      throw new ConfigError(
        `example ${example.id}: log-margin needs the log-probabilities of a target and of another choice, which the method choose keeps`,
      );
    },
  }),
};
