import { z } from 'zod';
import { ConfigError } from '../../errors.ts';
import { type ModelConfig, readModelJson } from '../../lib/model-config.ts';
import type { EncoderObjective } from '../../training-settings.ts';

/** The shape of an encoder: the layers of a Llama, looking both ways. */
export interface EncoderConfig {
  readonly shape: ModelConfig;
  /** Of the logits that its weights give; none for one that gives hidden states. */
  readonly labels: readonly string[];
}

const size = z.int().min(1);
const configSchema = z.object({
  /** What its layers are; `model_type` says only what goes in and comes out. */
  block_type: z.string().optional(),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size.max(1000),
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  rms_norm_eps: z.number().gt(0).default(1e-5),
  rope_theta: z.number().gt(0).default(10_000),
  id2label: z.record(z.string(), z.string()).default({}),
});

/** config.json of an encoder's folder. Throws ConfigError, also for an encoder of other layers (BERT and the like). */
export async function readEncoderConfig(folder: string, label: string): Promise<EncoderConfig> {
  const raw = await readModelJson(folder, 'config.json', configSchema);
  if (raw === undefined) throw new ConfigError(`model ${label}: has no config.json`);
  if (raw.block_type !== 'llama')
    throw new ConfigError(
      `model ${label}: config.json does not say "block_type": "llama": only encoders of such blocks are trained here, as models/lab-encoders are`,
    );
  const headWidth = raw.hidden_size / raw.num_attention_heads;
  if (!Number.isInteger(headWidth) || headWidth % 2 !== 0)
    throw new ConfigError(
      `model ${label}: hidden_size ${raw.hidden_size} must be an even multiple of num_attention_heads (${raw.num_attention_heads})`,
    );
  return {
    labels: Object.values(raw.id2label),
    shape: {
      architecture: 'llama',
      vocabulary: raw.vocab_size,
      width: raw.hidden_size,
      feedForward: raw.intermediate_size,
      layers: raw.num_hidden_layers,
      heads: raw.num_attention_heads,
      keyValueHeads: raw.num_attention_heads,
      headWidth,
      context: raw.max_position_embeddings,
      normEpsilon: raw.rms_norm_eps,
      ropeTheta: raw.rope_theta,
      ropeScaling: { type: 'default' },
      tied: true,
      biases: { queryKeyValue: false, output: false, feedForward: false },
      queryKeyNorms: false,
      beginToken: undefined,
      endToken: undefined,
      paddingToken: 0,
    },
  };
}

/** What the logits of a model that learns by it are called; none where it gives hidden states. */
export function labelsOf(objective: EncoderObjective): readonly string[] {
  if (objective.name === 'contrastive') return [];
  return objective.name === 'listwise' ? ['LABEL_0'] : objective.labels;
}

/** What config.json of a trained encoder says: `bert` names what goes in and comes out. */
export function encoderJson({ shape, labels }: EncoderConfig): Record<string, unknown> {
  return {
    model_type: 'bert',
    architectures: [labels.length === 0 ? 'BertModel' : 'BertForSequenceClassification'],
    block_type: 'llama',
    vocab_size: shape.vocabulary,
    hidden_size: shape.width,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    intermediate_size: shape.feedForward,
    max_position_embeddings: shape.context,
    rms_norm_eps: shape.normEpsilon,
    rope_theta: shape.ropeTheta,
    type_vocab_size: 2,
    pad_token_id: 0,
    ...(labels.length === 0
      ? {}
      : {
          id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
          label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
        }),
  };
}
