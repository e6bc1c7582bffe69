import { axesOf, emit, record, type Tensor } from '../graph.ts';
import { scale } from './elementwise.ts';
import { expand, reshape } from './shape.ts';

/** Sum over axes; over all of them, to a scalar, when none are named. */
export function reduceSum(a: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  const over = axes ?? a.shape.map((_, axis) => axis);
  const kept = a.shape.map((dim, axis) => (over.includes(axis) ? 1 : dim));
  const shape = keepDims ? kept : a.shape.filter((_, axis) => !over.includes(axis));
  const { graph } = a;
  const sum = emit(graph, 'ReduceSum', [a, axesOf(graph, over)], { shape }, { keepdims: keepDims ? 1 : 0 });
  return record(sum, [a], (g) => [expand(keepDims ? g : reshape(g, kept), a.shape)]);
}

/** Mean over axes of known size. */
export function reduceMean(a: Tensor, axes: readonly number[], keepDims = false): Tensor {
  const count = axes.reduce((product, axis) => {
    const size = a.shape[axis];
    if (typeof size !== 'number') throw new RangeError(`mean over axis ${axis} of [${a.shape}]: its size is not known`);
    return product * size;
  }, 1);
  return scale(reduceSum(a, axes, keepDims), 1 / count);
}
