import type { ModelConfig } from '../../lib/model-config.ts';
import type { LoraSettings } from '../../training-settings.ts';

/** One weight of the model, by its Hugging Face name, or one of an adapter, by its PEFT name. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Embeddings and vectors (norms, biases) are trained differently from the matrices of the blocks. */
  readonly kind: 'matrix' | 'embedding' | 'norm' | 'bias';
}

export type Target = LoraSettings['targets'][number];

const inAttention = (target: Target) => ['q_proj', 'k_proj', 'v_proj', 'o_proj'].includes(target);

/** `model.layers.0.self_attn.q_proj` */
export const moduleName = (layer: number, target: Target): string =>
  `model.layers.${layer}.${inAttention(target) ? 'self_attn' : 'mlp'}.${target}`;

/** [out, in] of a projection, as torch.nn.Linear keeps it. */
export function projectionShape(shape: ModelConfig, target: Target): readonly [number, number] {
  const { width, feedForward } = shape;
  const [query, keyValue] = [shape.heads * shape.headWidth, shape.keyValueHeads * shape.headWidth];
  const shapes: Record<Target, readonly [number, number]> = {
    q_proj: [query, width],
    k_proj: [keyValue, width],
    v_proj: [keyValue, width],
    o_proj: [width, query],
    gate_proj: [feedForward, width],
    up_proj: [feedForward, width],
    down_proj: [width, feedForward],
  };
  return shapes[target];
}

/** True where the model's family gives this matrix a bias. */
export function hasBias(shape: ModelConfig, target: Target): boolean {
  if (target === 'o_proj') return shape.biases.output;
  return inAttention(target) ? shape.biases.queryKeyValue : shape.biases.feedForward;
}

const allTargets: readonly Target[] = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** Every weight of a model. */
export function modelParameters(shape: ModelConfig): Parameter[] {
  const { width, headWidth } = shape;
  const norm = (name: string, size: number): Parameter => ({ name: `${name}.weight`, shape: [size], kind: 'norm' });
  const layers = Array.from({ length: shape.layers }, (_, layer): Parameter[] => [
    norm(`model.layers.${layer}.input_layernorm`, width),
    norm(`model.layers.${layer}.post_attention_layernorm`, width),
    ...(shape.queryKeyNorms
      ? ['q_norm', 'k_norm'].map((one) => norm(`model.layers.${layer}.self_attn.${one}`, headWidth))
      : []),
    ...allTargets.flatMap((target): Parameter[] => {
      const name = moduleName(layer, target);
      const [out, width] = projectionShape(shape, target);
      const weight: Parameter = { name: `${name}.weight`, shape: [out, width], kind: 'matrix' };
      return hasBias(shape, target) ? [weight, { name: `${name}.bias`, shape: [out], kind: 'bias' }] : [weight];
    }),
  ]);
  const table = { shape: [shape.vocabulary, width], kind: 'embedding' } as const;
  return [
    { name: 'model.embed_tokens.weight', ...table },
    ...layers.flat(),
    norm('model.norm', width),
    ...(shape.tied ? [] : [{ name: 'lm_head.weight', ...table }]),
  ];
}

/** `base_model.model.<module>.lora_A.weight`, as PEFT names it. */
export const adapterName = (module: string, part: 'A' | 'B'): string =>
  `base_model.model.${module}.lora_${part}.weight`;

/** The weights of an adapter: A [rank, in] and B [out, rank] for each target of each layer. */
export function adapterParameters(shape: ModelConfig, lora: LoraSettings): Parameter[] {
  return Array.from({ length: shape.layers }, (_, layer) =>
    lora.targets.flatMap((target): Parameter[] => {
      const [out, width] = projectionShape(shape, target);
      const module = moduleName(layer, target);
      return [
        { name: adapterName(module, 'A'), shape: [lora.rank, width], kind: 'matrix' },
        { name: adapterName(module, 'B'), shape: [out, lora.rank], kind: 'matrix' },
      ];
    }),
  ).flat();
}

/** Elements of a tensor of this shape. */
export const elementsOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Queries and keys: what decides where attention looks. */
export const pointing = ({ name }: Parameter): boolean => /\b[qk]_proj\b/.test(name);

/** Parameters one after the other in a single vector. */
export interface Layout {
  readonly parameters: readonly (Parameter & { readonly offset: number })[];
  readonly size: number;
  /** So many elements at the front are decayed: matrices and embeddings, as transformers does it. */
  readonly decayed: number;
}

/** Matrices first, those of one shape and use together; then embeddings; then what has no weight decay. */
export function layoutOf(parameters: readonly Parameter[]): Layout {
  const place = ({ kind }: Parameter) => (kind === 'matrix' ? 0 : kind === 'embedding' ? 1 : 2);
  const group = (one: Parameter) => (one.kind === 'matrix' ? `${pointing(one)} ${one.shape.join(' ')}` : '');
  const ordered = [...parameters].sort((a, b) => place(a) - place(b) || group(a).localeCompare(group(b)));
  let [size, decayed] = [0, 0];
  const placed = ordered.map((one) => {
    const offset = size;
    size += elementsOf(one.shape);
    if (place(one) < 2) decayed = size;
    return { ...one, offset };
  });
  return { parameters: placed, size, decayed };
}
