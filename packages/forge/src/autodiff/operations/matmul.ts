import { type Dim, emit, record, type Tensor } from '../graph.ts';
import { broadcast, unbroadcast } from './elementwise.ts';
import { reduceSum } from './reduce.ts';
import { transpose } from './shape.ts';

function swapLast(a: Tensor): Tensor {
  const rank = a.shape.length;
  const order = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return transpose(a, order);
}

/** [..., m, k] x [..., k, n]. Transposes on the way back are fused into the product by ONNX Runtime. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const [m, n] = [a.shape.at(-2) as Dim, b.shape.at(-1) as Dim];
  if (a.shape.at(-1) !== b.shape.at(-2)) throw new RangeError(`matmul of [${a.shape}] and [${b.shape}]`);
  const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
  return record(emit(a.graph, 'MatMul', [a, b], { shape }), [a, b], (g) => [
    a.differentiable ? unbroadcast(matmul(g, swapLast(b)), a.shape) : null,
    b.differentiable ? unbroadcast(matmul(swapLast(a), g), b.shape) : null,
  ]);
}

/** x [n, in] times the transpose of weight [out, in], as torch.nn.Linear keeps it, plus bias [out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const { graph } = x;
  const [out, width] = weight.shape as [Dim, Dim];
  if (x.shape.length !== 2 || x.shape[1] !== width) throw new RangeError(`linear of [${x.shape}] by [${weight.shape}]`);
  const shape = [x.shape[0] as Dim, out];
  const operands = bias === undefined ? [x, weight] : [x, weight, bias];
  return record(emit(graph, 'Gemm', operands, { shape }, { transB: 1 }), operands, (g) => [
    x.differentiable ? emit(graph, 'Gemm', [g, weight], { shape: x.shape }) : null,
    weight.differentiable ? emit(graph, 'Gemm', [g, x], { shape: weight.shape }, { transA: 1 }) : null,
    bias?.differentiable ? reduceSum(g, [0]) : null,
  ]);
}
