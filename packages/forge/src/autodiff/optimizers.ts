import { emit, type Graph, input, scalar, type Tensor } from './graph.ts';
import { add, div, mul, scale, sqrt, square, sub } from './operations/elementwise.ts';
import { matmul } from './operations/matmul.ts';
import { reduceSum } from './operations/reduce.ts';
import { concat, reshape, slice, transpose } from './operations/shape.ts';

/** All trained weights are one vector [size]; so are their gradients and the optimizer's two moments. */
export interface OptimizerState {
  readonly weights: Tensor;
  readonly gradient: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

/** The inputs of an update: weights, gradient and both moments, [size] each. */
export const declareState = (graph: Graph, size: number): OptimizerState => ({
  weights: input(graph, 'weights', [size]),
  gradient: input(graph, 'gradient', [size]),
  first: input(graph, 'first', [size]),
  second: input(graph, 'second', [size]),
});

export interface Updated {
  readonly weights: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

/** The norm of all gradients together, before it is limited, and the gradient scaled down to `limit` at most, as PyTorch does it. */
export function clipped(gradient: Tensor, limit: number): { norm: Tensor; gradient: Tensor } {
  const { graph } = gradient;
  const norm = sqrt(reduceSum(square(gradient)));
  const factor = div(scalar(graph, limit), add(norm, scalar(graph, 1e-6)));
  const least = emit(graph, 'Min', [factor, scalar(graph, 1)], { shape: [] });
  return { norm, gradient: mul(gradient, least) };
}

export interface AdamSettings {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  /** So many elements at the front are decayed. */
  readonly decayed: number;
}

/** Scalars that change from step to step. */
export interface AdamRates {
  readonly learningRate: Tensor;
  /** 1 - beta^step of either moment. */
  readonly firstCorrection: Tensor;
  readonly secondCorrection: Tensor;
}

/** The inputs that change from step to step, scalars. */
export const declareRates = (graph: Graph): AdamRates => ({
  learningRate: input(graph, 'learningRate', []),
  firstCorrection: input(graph, 'firstCorrection', []),
  secondCorrection: input(graph, 'secondCorrection', []),
});

/** AdamW (Loshchilov and Hutter 2019), in the order of operations of torch.optim.AdamW. */
export function adamw(state: OptimizerState, rates: AdamRates, settings: AdamSettings): Updated {
  const { weights, gradient } = state;
  const { graph } = weights;
  const [b1, b2] = settings.betas;
  const first = add(scale(state.first, b1), scale(gradient, 1 - b1));
  const second = add(scale(state.second, b2), scale(square(gradient), 1 - b2));
  const spread = add(div(sqrt(second), sqrt(rates.secondCorrection)), scalar(graph, settings.epsilon));
  const step = mul(div(rates.learningRate, rates.firstCorrection), div(first, spread));
  const kept = sub(scalar(graph, 1), scale(rates.learningRate, settings.weightDecay));
  return { weights: sub(decay(weights, kept, settings.decayed), step), first, second };
}

/** The first `decayed` elements times `kept`. */
function decay(weights: Tensor, kept: Tensor, decayed: number): Tensor {
  const size = weights.shape[0] as number;
  if (decayed === 0) return weights;
  if (decayed === size) return mul(weights, kept);
  return concat([mul(slice(weights, 0, 0, decayed), kept), slice(weights, 0, decayed, size)], 0);
}

/** Matrices of one shape that lie one after the other: [count, rows, columns] from `offset`. */
export interface MatrixGroup {
  readonly offset: number;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** Factor of the learning rate. */
  readonly rateFactor: number;
  readonly weightDecay: number;
}

const muonMomentum = 0.95;
const newtonSchulzSteps = 5;

/** The nearest semi-orthogonal matrices of a stack, by a quintic Newton-Schulz iteration. */
function orthogonalized(stack: Tensor): Tensor {
  const [, rows, columns] = stack.shape as readonly [number, number, number];
  const turned = (x: Tensor) => transpose(x, [0, 2, 1]);
  let x = rows > columns ? turned(stack) : stack;
  const norm = sqrt(reduceSum(square(x), [1, 2], true));
  x = div(x, add(norm, scalar(x.graph, 1e-7)));
  for (let i = 0; i < newtonSchulzSteps; i++) {
    const gram = matmul(x, turned(x));
    const polynomial = add(scale(gram, -4.775), scale(matmul(gram, gram), 2.0315));
    x = add(scale(x, 3.4445), matmul(polynomial, x));
  }
  return rows > columns ? turned(x) : x;
}

/**
 * Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for groups of matrices at the front of the vector,
 * AdamW for what is left.
 */
export function muon(
  state: OptimizerState,
  groups: readonly MatrixGroup[],
  muonRate: Tensor,
  rates: AdamRates,
  settings: AdamSettings,
): Updated {
  const size = state.weights.shape[0] as number;
  const pieces = groups.map((group) => muonGroup(state, group, muonRate));
  const done = groups.reduce((sum, { count, rows, columns }) => sum + count * rows * columns, 0);
  const rest = (tensor: Tensor) => slice(tensor, 0, done, size);
  const adam = adamw(
    {
      weights: rest(state.weights),
      gradient: rest(state.gradient),
      first: rest(state.first),
      second: rest(state.second),
    },
    rates,
    { ...settings, decayed: Math.max(0, settings.decayed - done) },
  );
  return {
    weights: concat([...pieces.map((one) => one.weights), adam.weights], 0),
    first: concat([...pieces.map((one) => one.first), adam.first], 0),
    second: concat([slice(state.second, 0, 0, done), adam.second], 0),
  };
}

function muonGroup(state: OptimizerState, group: MatrixGroup, muonRate: Tensor) {
  const { offset, count, rows, columns } = group;
  const elements = count * rows * columns;
  const part = (tensor: Tensor) => slice(tensor, 0, offset, offset + elements);
  const [weights, gradient] = [part(state.weights), part(state.gradient)];
  const first = add(scale(part(state.first), muonMomentum), scale(gradient, 1 - muonMomentum));
  const direction = add(scale(gradient, 1 - muonMomentum), scale(first, muonMomentum));
  const update = reshape(orthogonalized(reshape(direction, [count, rows, columns])), [elements]);
  const rate = scale(muonRate, group.rateFactor);
  const kept = sub(scalar(weights.graph, 1), scale(rate, group.weightDecay));
  const step = mul(update, scale(rate, Math.sqrt(Math.max(1, rows / columns))));
  return { weights: sub(mul(weights, kept), step), first };
}
