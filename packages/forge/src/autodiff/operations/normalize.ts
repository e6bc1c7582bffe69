import { axesOf, emit, record, scalar, type Tensor } from '../graph.ts';
import { add, constantOf, mul, neg, reciprocal, sqrt, square, sub } from './elementwise.ts';
import { reduceMean, reduceSum } from './reduce.ts';

/** Over the last axis. */
export function softmax(a: Tensor): Tensor {
  const p = emit(a.graph, 'Softmax', [a], { shape: a.shape }, { axis: -1 });
  const last = a.shape.length - 1;
  return record(p, [a], (g) => [mul(p, sub(g, reduceSum(mul(g, p), [last], true)))]);
}

/** Over the last axis. */
export function logSoftmax(a: Tensor): Tensor {
  const result = emit(a.graph, 'LogSoftmax', [a], { shape: a.shape }, { axis: -1 });
  const last = a.shape.length - 1;
  return record(result, [a], (g) => {
    const p = emit(a.graph, 'Exp', [result], { shape: a.shape });
    return [sub(g, mul(p, reduceSum(g, [last], true)))];
  });
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis (Zhang and Sennrich 2019). x [n, width], weight [width]. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const { graph } = x;
  const last = x.shape.length - 1;
  const bare = constantOf(x);
  const inverse = reciprocal(sqrt(add(reduceMean(square(bare), [last], true), scalar(graph, epsilon))));
  const normal = mul(bare, inverse);
  return record(mul(normal, constantOf(weight)), [x, weight], (g) => {
    const leading = x.shape.slice(0, -1).map((_, axis) => axis);
    const scaled = mul(g, constantOf(weight));
    const drift = reduceMean(mul(scaled, normal), [last], true);
    return [
      x.differentiable ? mul(sub(scaled, mul(normal, drift)), inverse) : null,
      weight.differentiable ? reduceSum(mul(g, normal), leading) : null,
    ];
  });
}

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis (Ba et al. 2016). */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  const last = x.shape.length - 1;
  const centred = sub(x, reduceMean(x, [last], true));
  const inverse = reciprocal(sqrt(add(reduceMean(square(centred), [last], true), scalar(x.graph, epsilon))));
  return add(mul(mul(centred, inverse), weight), bias);
}

/**
 * Natural-log probability of `targets` (int64 [n]) under `logits` [n, vocabulary]: [n]. In one operation, because the way
 * back is softmax minus the target, and the vocabulary is the longest axis there is.
 */
export function targetLogprobs(logits: Tensor, targets: Tensor): Tensor {
  const { graph } = logits;
  const [n] = logits.shape;
  if (n === undefined || logits.shape.length !== 2) throw new RangeError(`logits must be [n, vocabulary]`);
  const all = emit(graph, 'LogSoftmax', [logits], { shape: logits.shape }, { axis: -1 });
  const last = emit(graph, 'Unsqueeze', [targets, axis1(logits)], { shape: [n, 1], type: 'int64' });
  const picked = emit(graph, 'GatherElements', [all, last], { shape: [n, 1] }, { axis: 1 });
  const result = emit(graph, 'Squeeze', [picked, axis1(logits)], { shape: [n] });
  return record(result, [logits], (g) => {
    const column = emit(graph, 'Unsqueeze', [g, axis1(logits)], { shape: [n, 1] });
    const spread = mul(emit(graph, 'Exp', [all], { shape: logits.shape }), neg(column));
    return [
      emit(graph, 'ScatterElements', [spread, last, column], { shape: logits.shape }, { axis: 1, reduction: 'add' }),
    ];
  });
}

const axis1 = (a: Tensor) => axesOf(a.graph, [1]);
