import { constant, type Dim, type Graph, input, type Tensor } from '../../autodiff/graph.ts';
import { attention } from '../../autodiff/operations/attention.ts';
import { add, mul, scale, silu } from '../../autodiff/operations/elementwise.ts';
import { linear } from '../../autodiff/operations/matmul.ts';
import { rmsNorm } from '../../autodiff/operations/normalize.ts';
import { rotary } from '../../autodiff/operations/rotary.ts';
import { expand, gatherRows, reshape, transpose } from '../../autodiff/operations/shape.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import type { LoraSettings } from '../../training-settings.ts';
import { adapterName, hasBias, moduleName, type Target } from './parameters.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';

/** What goes through the model in one run. */
export interface BatchInputs {
  /** int64 [B, T]; an encoder that reads two batches names the sizes of the other differently. */
  readonly ids: Tensor;
  /** int64 [B, T]: position of each token in its own text. */
  readonly positions: Tensor;
  /** [1 or B, 1, T, T], added to attention scores: 0 where a token may look, a large negative number elsewhere. */
  readonly mask: Tensor;
  /** int64 [M]: flat indices (row * T + column) of the positions whose prediction is wanted. */
  readonly selected: Tensor;
}

/** The inputs of a forward pass. */
export const declareBatch = (graph: Graph): BatchInputs => ({
  ids: input(graph, 'ids', ['B', 'T'], { type: 'int64' }),
  positions: input(graph, 'positions', ['B', 'T'], { type: 'int64' }),
  mask: input(graph, 'mask', ['maskRows', 1, 'T', 'T']),
  selected: input(graph, 'selected', ['M'], { type: 'int64' }),
});

export interface Weights {
  /** By its Hugging Face name, or PEFT name for those of an adapter. */
  weight(name: string): Tensor;
  readonly lora: LoraSettings | false;
  /** Multiplied into what goes into an adapter, [N, in]; undefined without dropout. */
  dropout?(module: string, width: Dim): Tensor;
}

/** cos and sin of position times frequency: [positions, headWidth / 2], both times `factor`. */
function rotaryTables(graph: Graph, shape: ModelConfig, positions: number, factor: number): readonly [Tensor, Tensor] {
  const frequencies = rotaryFrequencies(shape);
  const table = (f: (angle: number) => number) => {
    const values = new Array<number>(positions * frequencies.length);
    for (let p = 0; p < positions; p++)
      // transformers computes the angle in float32.
      for (const [i, frequency] of frequencies.entries())
        values[p * frequencies.length + i] = factor * f(Math.fround(p * Math.fround(frequency)));
    return constant(graph, values, [positions, frequencies.length]);
  };
  return [table(Math.cos), table(Math.sin)];
}

/** The last hidden states at the selected positions, normalised: [M, width]. `positions`: how many the tables hold. */
export function hiddenStates(
  graph: Graph,
  shape: ModelConfig,
  weights: Weights,
  batch: BatchInputs,
  positions: number,
): Tensor {
  const embedded = reshape(gatherRows(weights.weight('model.embed_tokens.weight'), batch.ids), ['B*T', shape.width]);
  const x = blocks(graph, shape, weights, batch, positions, embedded);
  return rmsNorm(gatherRows(x, batch.selected), weights.weight('model.norm.weight'), shape.normEpsilon);
}

/**
 * The layers of a Llama-family transformer (Touvron et al. 2023): RMSNorm, rotary positions, grouped-query attention, SwiGLU.
 * x and result [B*T, width]. `positions`: how many the tables hold.
 */
export function blocks(
  graph: Graph,
  shape: ModelConfig,
  weights: Weights,
  batch: Pick<BatchInputs, 'positions' | 'mask'>,
  positions: number,
  embedded: Tensor,
): Tensor {
  const { heads, keyValueHeads, headWidth, normEpsilon } = shape;
  const [rows, length] = batch.positions.shape as readonly [Dim, Dim];
  const { weight, lora } = weights;
  // The scale of the scores is put into the rotation of the queries: one pass over them less.
  const queryTables = rotaryTables(graph, shape, positions, headWidth ** -0.5);
  const keyTables = rotaryTables(graph, shape, positions, 1);

  function project(x: Tensor, layer: number, target: Target): Tensor {
    const module = moduleName(layer, target);
    const bias = hasBias(shape, target) ? weight(`${module}.bias`) : undefined;
    const base = linear(x, weight(`${module}.weight`), bias);
    if (lora === false || !lora.targets.includes(target)) return base;
    const entering = weights.dropout === undefined ? x : mul(x, weights.dropout(module, x.shape[1] as Dim));
    const update = linear(linear(entering, weight(adapterName(module, 'A'))), weight(adapterName(module, 'B')));
    return add(base, scale(update, lora.alpha / lora.rank));
  }

  /** [B*T, count * headWidth] -> [B, count, T, headWidth] */
  const byHead = (x: Tensor, count: number) => transpose(reshape(x, [rows, length, count, headWidth]), [0, 2, 1, 3]);

  function shared(x: Tensor): Tensor {
    if (heads === keyValueHeads) return x;
    const group = heads / keyValueHeads;
    const apart = reshape(x, [rows, keyValueHeads, 1, length, headWidth]);
    return reshape(expand(apart, [rows, keyValueHeads, group, length, headWidth]), [rows, heads, length, headWidth]);
  }

  function attend(x: Tensor, layer: number): Tensor {
    const [queries, keys, values] = [
      byHead(project(x, layer, 'q_proj'), heads),
      byHead(project(x, layer, 'k_proj'), keyValueHeads),
      byHead(project(x, layer, 'v_proj'), keyValueHeads),
    ];
    const name = `model.layers.${layer}.self_attn`;
    const normed = (y: Tensor, norm: string) =>
      shape.queryKeyNorms ? rmsNorm(y, weight(`${name}.${norm}.weight`), normEpsilon) : y;
    const turned = (y: Tensor, [cos, sin]: readonly [Tensor, Tensor]) => rotary(y, cos, sin, batch.positions);
    const out = attention(
      turned(normed(queries, 'q_norm'), queryTables),
      shared(turned(normed(keys, 'k_norm'), keyTables)),
      shared(values),
      batch.mask,
    );
    return project(reshape(transpose(out, [0, 2, 1, 3]), [x.shape[0] as Dim, heads * headWidth]), layer, 'o_proj');
  }

  const feedForward = (x: Tensor, layer: number) =>
    project(mul(silu(project(x, layer, 'gate_proj')), project(x, layer, 'up_proj')), layer, 'down_proj');

  const norm = (x: Tensor, name: string) => rmsNorm(x, weight(`${name}.weight`), normEpsilon);

  let x = embedded;
  for (let layer = 0; layer < shape.layers; layer++) {
    x = add(x, attend(norm(x, `model.layers.${layer}.input_layernorm`), layer));
    x = add(x, feedForward(norm(x, `model.layers.${layer}.post_attention_layernorm`), layer));
  }
  return x;
}
