import { freemem } from 'node:os';
import { ConfigError } from '../../errors.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import type { TrainingSettings } from '../../training-settings.ts';
import { elementsOf, type Layout, modelParameters } from './parameters.ts';

const bytesOfFloat = 4;
/** Node and ONNX Runtime before anything is loaded. */
const programBytes = 220e6;

/**
 * Bytes that a training needs at most. Weights twice, because ONNX Runtime repacks those of matrix products; ten vectors of
 * what is trained (weights, gradient and two moments, each twice, and two on the way); of each layer what the way back
 * needs; the logits three times.
 */
function estimateMemory(
  settings: Pick<TrainingSettings, 'batch'>,
  shape: ModelConfig,
  layout: Layout,
  longest: number,
): number {
  const { size, packTokens } = settings.batch;
  const tokens = packTokens === undefined ? size * longest : Math.max(packTokens, longest);
  const frozen = modelParameters(shape).reduce((sum, one) => sum + elementsOf(one.shape), 0);
  const perLayer = tokens * (10 * shape.width + 6 * shape.feedForward) + 2 * tokens * longest * shape.heads;
  const activations = shape.layers * perLayer + 3 * tokens * shape.vocabulary;
  return programBytes + bytesOfFloat * (2 * frozen + 10 * layout.size + activations);
}

/** The estimate for rows of up to `longest` tokens. Throws ConfigError where the machine has less. */
export function checkMemory(
  settings: Pick<TrainingSettings, 'batch'>,
  shape: ModelConfig,
  layout: Layout,
  longest: number,
  availableBytes = process.availableMemory?.() ?? freemem(),
): number {
  const needed = estimateMemory(settings, shape, layout, longest);
  if (needed > availableBytes) {
    const shown = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    throw new ConfigError(
      `this training needs about ${shown(needed)} and ${shown(availableBytes)} are free: lower batch.size (${settings.batch.size}; raise batch.accumulate as much) or maxLength, or take a smaller model or trainer trl with a GPU`,
    );
  }
  return needed;
}
