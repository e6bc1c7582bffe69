import type { Feed } from '../../autodiff/session.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import { createRandom } from '../../lib/random.ts';
import type { TrainingSettings } from '../../training-settings.ts';
import { moduleName, projectionShape } from './parameters.ts';

/**
 * Masks of LoRA dropout for one micro-batch of `tokens`: 0, or 1 / (1 - p). Drawn here and not in the graph, so that a
 * training that goes on from a checkpoint draws the same.
 */
export function dropoutFeeds(
  { lora }: Pick<TrainingSettings, 'lora'>,
  shape: ModelConfig,
  tokens: number,
  seed: string,
): Record<string, Feed> {
  if (lora === false || lora.dropout === 0) return {};
  const random = createRandom(`dropout ${seed}`);
  const kept = 1 / (1 - lora.dropout);
  const feeds: Record<string, Feed> = {};
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const target of lora.targets) {
      const [, width] = projectionShape(shape, target);
      const data = new Float32Array(tokens * width);
      for (let i = 0; i < data.length; i++) data[i] = random.next() < lora.dropout ? 0 : kept;
      feeds[`dropout.${moduleName(layer, target)}`] = { type: 'float32', data, shape: [tokens, width] };
    }
  }
  return feeds;
}
