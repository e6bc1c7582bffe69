import { axesOf, constant, type Dim, emit, type Graph, record, scalar, shapeTensor, type Tensor } from '../graph.ts';
import { unbroadcast } from './elementwise.ts';

/** The same elements in the same order in another shape. */
export function reshape(a: Tensor, shape: readonly Dim[]): Tensor {
  const { graph } = a;
  const unknown = shape.filter((dim) => typeof dim === 'string');
  const target =
    unknown.length === 1
      ? axesOf(
          graph,
          shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
        )
      : shapeTensor(graph, shape);
  return record(emit(graph, 'Reshape', [a, target], { shape, type: a.type }), [a], (g) => [reshape(g, a.shape)]);
}

/** Axes in another order: result axis i is axis `order[i]`. */
export function transpose(a: Tensor, order: readonly number[]): Tensor {
  const shape = order.map((axis) => a.shape[axis] as Dim);
  const back = order.map((_, axis) => order.indexOf(axis));
  return record(emit(a.graph, 'Transpose', [a], { shape }, { perm: order }), [a], (g) => [transpose(g, back)]);
}

/** Elements `from` (inclusive) to `to` (exclusive) of an axis of known size. */
export function slice(a: Tensor, axis: number, from: number, to: number): Tensor {
  const { graph } = a;
  const size = a.shape[axis];
  if (typeof size !== 'number' || from < 0 || to > size || from >= to)
    throw new RangeError(`slice ${from}..${to} of axis ${axis} of [${a.shape}]`);
  const shape = a.shape.map((dim, index) => (index === axis ? to - from : dim));
  const bounds = [axesOf(graph, [from]), axesOf(graph, [to]), axesOf(graph, [axis])];
  return record(emit(graph, 'Slice', [a, ...bounds], { shape }), [a], (g) => {
    const pads = constant(graph, [from, size - to], [2], 'int64');
    return [emit(graph, 'Pad', [g, pads, scalar(graph, 0), axesOf(graph, [axis])], { shape: a.shape })];
  });
}

/** Along an axis whose sizes are known. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw new RangeError('concat of nothing');
  const sizes = parts.map((part) => part.shape[axis]);
  if (!sizes.every((size) => typeof size === 'number')) throw new RangeError('concat along an axis of unknown size');
  const total = (sizes as number[]).reduce((a, b) => a + b, 0);
  const shape = first.shape.map((dim, index) => (index === axis ? total : dim));
  const joined = emit(first.graph, 'Concat', parts, { shape }, { axis });
  return record(joined, parts, (g) => {
    let from = 0;
    return parts.map((part, index) => {
      const to = from + (sizes[index] as number);
      const piece = part.differentiable ? slice(g, axis, from, to) : null;
      from = to;
      return piece;
    });
  });
}

/** Stretched to a shape (numpy's rules). */
export const expand = (a: Tensor, shape: readonly Dim[]): Tensor =>
  record(emit(a.graph, 'Expand', [a, shapeTensor(a.graph, shape)], { shape }), [a], (g) => [unbroadcast(g, a.shape)]);

/** Rows of `table` [n, ...] by `indices` (int64, any shape): embedding. A row that is taken twice gets both gradients. */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  const { graph } = table;
  const rest = table.shape.slice(1);
  const taken = emit(graph, 'Gather', [table, indices], { shape: [...indices.shape, ...rest] }, { axis: 0 });
  return record(taken, [table], (g) => {
    const zeros = emit(graph, 'ConstantOfShape', [shapeTensor(graph, table.shape)], { shape: table.shape });
    const typed = graph.real === 'float64' ? emit(graph, 'Cast', [zeros], { shape: table.shape }, { to: 11 }) : zeros;
    const last = constant(graph, [-1], [1], 'int64');
    const places = emit(graph, 'Unsqueeze', [indices, last], { shape: [...indices.shape, 1], type: 'int64' });
    return [emit(graph, 'ScatterND', [typed, places, g], { shape: table.shape }, { reduction: 'add' })];
  });
}

/** 0, 1, ... up to a size that is known at run time: int64 [dim]. */
export function range(graph: Graph, dim: string): Tensor {
  const whole = (value: number) => constant(graph, [value], [], 'int64');
  return emit(graph, 'Range', [whole(0), sizeScalar(graph, dim), whole(1)], { shape: [dim], type: 'int64' });
}

/** A size that is known at run time: int64, no axes. */
export const sizeScalar = (graph: Graph, dim: string): Tensor =>
  emit(graph, 'Squeeze', [shapeTensor(graph, [dim])], { shape: [], type: 'int64' });
