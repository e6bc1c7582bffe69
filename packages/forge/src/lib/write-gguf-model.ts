import { ConfigError } from '../errors.ts';
import { ggufArchitecture, ggufRowOrder, ggufTensorName } from './gguf-tensors.ts';
import { readGgufVocabulary } from './gguf-vocabulary.ts';
import { type GgufMetadata, type GgufTensor, type GgufTensorType, writeGguf } from './gguf-writer.ts';
import { type ModelConfig, matrixShapes, readModelConfig } from './model-config.ts';
import { checkAdapterFits, type LoraMatrices, readPeftAdapter } from './peft-adapter.ts';
import { blockWeights } from './quantize.ts';
import { openSafetensors, type Safetensors } from './safetensors.ts';

/** `general.file_type` of llama.cpp. */
const fileTypes = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32 } as const;

function shapeMetadata(config: ModelConfig): GgufMetadata {
  const architecture = ggufArchitecture(config);
  const { ropeScaling } = config;
  return {
    [`${architecture}.block_count`]: ['u32', config.layers],
    [`${architecture}.context_length`]: ['u32', config.context],
    [`${architecture}.embedding_length`]: ['u32', config.width],
    [`${architecture}.feed_forward_length`]: ['u32', config.feedForward],
    [`${architecture}.attention.head_count`]: ['u32', config.heads],
    [`${architecture}.attention.head_count_kv`]: ['u32', config.keyValueHeads],
    [`${architecture}.attention.key_length`]: ['u32', config.headWidth],
    [`${architecture}.attention.value_length`]: ['u32', config.headWidth],
    [`${architecture}.attention.layer_norm_rms_epsilon`]: ['f32', config.normEpsilon],
    [`${architecture}.rope.dimension_count`]: ['u32', config.headWidth],
    [`${architecture}.rope.freq_base`]: ['f32', config.ropeTheta],
    ...(ropeScaling.type === 'linear'
      ? {
          [`${architecture}.rope.scaling.type`]: ['string', 'linear'] as const,
          [`${architecture}.rope.scaling.factor`]: ['f32', ropeScaling.factor] as const,
        }
      : {}),
    [`${architecture}.vocab_size`]: ['u32', config.vocabulary],
  };
}

/** By how much Llama 3.1 lengthens each wavelength: _compute_llama3_parameters in transformers' modeling_rope_utils.py. */
function ropeFactors({ ropeScaling, ropeTheta, headWidth }: ModelConfig): Float32Array | undefined {
  if (ropeScaling.type !== 'llama3') return undefined;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContext } = ropeScaling;
  return Float32Array.from({ length: headWidth / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * i) / headWidth);
    if (wavelength < originalContext / highFrequencyFactor) return 1;
    if (wavelength > originalContext / lowFrequencyFactor) return factor;
    const smooth = (originalContext / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** What a model of this shape must have, and nothing else: a tensor that is missed would be silently wrong. */
function checkTensors(weights: Safetensors, config: ModelConfig, path: string): void {
  const { width, vocabulary } = config;
  const expected = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [vocabulary, width]],
    ['model.norm.weight', [width]],
    ...(config.tied ? [] : [['lm_head.weight', [vocabulary, width]] as const]),
  ]);
  const inner = { ...matrixShapes(config), input_layernorm: [width], post_attention_layernorm: [width] };
  for (let layer = 0; layer < config.layers; layer++)
    for (const [module, shape] of Object.entries(inner)) expected.set(`model.layers.${layer}.${module}.weight`, shape);
  for (const [name, shape] of expected) {
    const found = weights.tensors.get(name)?.shape;
    if (found?.join() !== shape.join())
      throw new ConfigError(
        `${path}: tensor ${name}: ${found === undefined ? 'is missing' : `is [${found.join(', ')}]`}; config.json says [${shape.join(', ')}]`,
      );
  }
}

/** W + scale x B A, summed in double precision. In place. */
function addUpdate(values: Float32Array, { a, b, inputs, outputs }: LoraMatrices, rank: number, scale: number): void {
  const delta = new Float64Array(inputs);
  for (let row = 0; row < outputs; row++) {
    delta.fill(0);
    for (let k = 0; k < rank; k++) {
      const weight = scale * (b[row * rank + k] as number);
      for (let column = 0; column < inputs; column++)
        delta[column] = (delta[column] as number) + weight * (a[k * inputs + column] as number);
    }
    for (let column = 0; column < inputs; column++) {
      const at = row * inputs + column;
      values[at] = (values[at] as number) + (delta[column] as number);
    }
  }
}

/** Vectors stay F32; rows that are not whole blocks cannot be quantised. */
function tensorType(shape: readonly number[], wanted: GgufTensorType): GgufTensorType {
  if (shape.length < 2) return 'F32';
  const isBlocks = wanted === 'Q8_0' || wanted === 'Q4_0';
  return isBlocks && (shape.at(-1) as number) % blockWeights !== 0 ? 'F16' : wanted;
}

/**
 * Writes a model folder in the Hugging Face layout (llama, mistral, qwen2, qwen3) as GGUF, with a LoRA adapter merged into its
 * matrices where one is given: matrices as `dtype`, vectors F32 as llama.cpp wants them. One tensor at a time is in memory.
 * Throws ConfigError for what llama.cpp would refuse or run differently. https://github.com/ggml-org/llama.cpp
 */
export async function writeGgufModel(o: {
  /** Folder with config.json, *.safetensors, tokenizer.json. */
  readonly model: string;
  /** The file to write. */
  readonly path: string;
  /** Name of the model, for people. */
  readonly name: string;
  /** Folder of a PEFT adapter to merge. */
  readonly adapter?: string;
  /** Of the matrices; blocks where rows are made of whole ones, else F16. */
  readonly dtype?: GgufTensorType;
}): Promise<void> {
  const dtype = o.dtype ?? 'F16';
  const config = await readModelConfig(o.model);
  const vocabulary = await readGgufVocabulary(o.model, config);
  const adapter = o.adapter === undefined ? undefined : await readPeftAdapter(o.adapter);
  if (adapter !== undefined) checkAdapterFits(adapter, config);
  const weights = await openSafetensors(o.model);
  try {
    checkTensors(weights, config, o.model);
    const updates = new Map(adapter?.matrices.map((update) => [`${update.module}.weight`, update]));
    const tensors: GgufTensor[] = [];
    for (const [name, { shape }] of weights.tensors) {
      // Some files of tied models repeat the embedding; older ones hold frequencies that follow from the configuration.
      if ((config.tied && name === 'lm_head.weight') || name.endsWith('.rotary_emb.inv_freq')) continue;
      tensors.push({
        name: ggufTensorName(name),
        shape,
        dtype: tensorType(shape, dtype),
        async values() {
          const values = await weights.read(name);
          const update = updates.get(name);
          if (adapter !== undefined && update !== undefined)
            addUpdate(values, update, adapter.rank, adapter.alpha / adapter.rank);
          return ggufRowOrder(name, values, shape[0] ?? 1, config);
        },
      });
    }
    const factors = ropeFactors(config);
    if (factors !== undefined)
      tensors.push({ name: 'rope_freqs.weight', shape: [factors.length], dtype: 'F32', values: async () => factors });
    const general: GgufMetadata = {
      'general.architecture': ['string', ggufArchitecture(config)],
      'general.type': ['string', 'model'],
      'general.name': ['string', o.name],
      'general.file_type': ['u32', fileTypes[dtype]],
    };
    await writeGguf(o.path, { ...general, ...shapeMetadata(config), ...vocabulary }, tensors);
  } finally {
    await weights.close();
  }
}
