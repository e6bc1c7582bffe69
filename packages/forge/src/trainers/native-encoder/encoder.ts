import { type Dim, emit, type Graph, input, scalar, shapeTensor, type Tensor } from '../../autodiff/graph.ts';
import { add, div, mul, scale, sqrt, square, sub } from '../../autodiff/operations/elementwise.ts';
import { linear } from '../../autodiff/operations/matmul.ts';
import { rmsNorm } from '../../autodiff/operations/normalize.ts';
import { reduceSum } from '../../autodiff/operations/reduce.ts';
import { gatherRows, range, reshape, sizeScalar } from '../../autodiff/operations/shape.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import { blocks } from '../native/llama.ts';
import { modelParameters, type Parameter } from '../native/parameters.ts';

/** Texts, or pairs of texts, that go through an encoder together: int64 [batch, length]. */
export interface Sequences {
  readonly ids: Tensor;
  /** 1, and 0 for padding. */
  readonly mask: Tensor;
  /** 0 for the tokens of a first text, 1 for those of a second. */
  readonly segments: Tensor;
}

export type SequencePrefix = '' | 'query_';

/** Inputs as BERT names them; `query_` before those of the queries where documents go through the same graph. */
export function declareSequences(graph: Graph, prefix: SequencePrefix): Sequences {
  const declare = (name: string) =>
    input(graph, `${prefix}${name}`, [`${prefix}batch`, `${prefix}length`], { type: 'int64' });
  return { ids: declare('input_ids'), mask: declare('attention_mask'), segments: declare('token_type_ids') };
}

/** Every weight of an encoder; `classes`: its logits, 0 where it gives hidden states. */
export function encoderParameters(shape: ModelConfig, classes: number): Parameter[] {
  const segments: Parameter = { name: 'model.embed_segments.weight', shape: [2, shape.width], kind: 'embedding' };
  // AdamW's, as the embeddings: a few rows are no matrix to be made orthogonal.
  const head: Parameter[] = [
    { name: 'head.weight', shape: [classes, shape.width], kind: 'embedding' },
    { name: 'head.bias', shape: [classes], kind: 'bias' },
  ];
  return [...modelParameters(shape), segments, ...(classes === 0 ? [] : head)];
}

export interface EncoderParts {
  readonly shape: ModelConfig;
  /** Positions at most. */
  readonly maxLength: number;
  weight(name: string): Tensor;
}

/** Added to attention scores of padding: the softmax makes 0 of it. */
const hiddenScore = 1e4;

const sizesOf = ({ ids }: Sequences) => ids.shape as readonly [string, string];

const realOf = (whole: Tensor) => emit(whole.graph, 'Cast', [whole], { shape: whole.shape }, { to: 1 });

/** [batch * length, width], before the last norm. */
function layers(graph: Graph, { shape, maxLength, weight }: EncoderParts, sequences: Sequences): Tensor {
  const [batch, length] = sizesOf(sequences);
  const { ids, mask, segments } = sequences;
  const embedded = add(
    gatherRows(weight('model.embed_tokens.weight'), ids),
    gatherRows(weight('model.embed_segments.weight'), segments),
  );
  const target = shapeTensor(graph, [batch, length]);
  const positions = emit(graph, 'Expand', [range(graph, length), target], { shape: [batch, length], type: 'int64' });
  const hidden = reshape(scale(sub(realOf(mask), scalar(graph, 1)), hiddenScore), [batch, 1, 1, length]);
  const x = reshape(embedded, [`${batch}*${length}`, shape.width]);
  return blocks(graph, shape, { weight, lora: false }, { positions, mask: hidden }, maxLength, x);
}

const lastNorm = (x: Tensor, { shape, weight }: EncoderParts) =>
  rmsNorm(x, weight('model.norm.weight'), shape.normEpsilon);

/** The hidden states of all tokens: [batch, length, width]. */
export function tokenStates(graph: Graph, parts: EncoderParts, sequences: Sequences): Tensor {
  const [batch, length] = sizesOf(sequences);
  return reshape(lastNorm(layers(graph, parts, sequences), parts), [batch, length, parts.shape.width]);
}

/** Of each text the mean over its tokens, of unit length: [batch, width]. */
export function textVectors(graph: Graph, parts: EncoderParts, sequences: Sequences): Tensor {
  const [batch, length] = sizesOf(sequences);
  const kept = reshape(realOf(sequences.mask), [batch, length, 1]);
  // What is brought to unit length need not be divided by the number of tokens first.
  const sum = reduceSum(mul(tokenStates(graph, parts, sequences), kept), [1]);
  const norm = sqrt(add(reduceSum(square(sum), [1], true), scalar(graph, 1e-12)));
  return div(sum, norm);
}

/** From the first token: [batch, classes]. */
export function logits(graph: Graph, parts: EncoderParts, sequences: Sequences): Tensor {
  const [batch, length] = sizesOf(sequences);
  const sizes: { shape: readonly Dim[]; type: 'int64' } = { shape: [batch], type: 'int64' };
  const firstTokens = emit(graph, 'Mul', [range(graph, batch), sizeScalar(graph, length)], sizes);
  const x = lastNorm(gatherRows(layers(graph, parts, sequences), firstTokens), parts);
  return linear(x, parts.weight('head.weight'), parts.weight('head.bias'));
}
