import { type Dim, emit, record, type Tensor } from '../graph.ts';
import { constantOf, mul, sub } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';
import { transpose } from './shape.ts';

const flip = (a: Tensor) => transpose(constantOf(a), [0, 1, 3, 2]);

/**
 * softmax(q k' + mask) v. q, k, v [batch, heads, length, size], mask [1 or batch, 1, length, length], 0 or very negative.
 * One operation, because on the way back the sum of gradient x probability over the keys is that of gradient x result over
 * the size of a head (Dao et al. 2022): two passes over length x length less.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor): Tensor {
  const { graph } = q;
  const length = q.shape[2] as Dim;
  const square = [q.shape[0] as Dim, q.shape[1] as Dim, length, length];
  const scores = emit(graph, 'Add', [matmul(constantOf(q), flip(k)), mask], { shape: square });
  const p = emit(graph, 'Softmax', [scores], { shape: square }, { axis: -1 });
  const out = matmul(p, constantOf(v));
  return record(out, [q, k, v], (g) => {
    const share = reduceSum(mul(g, out), [3], true);
    const ds = mul(p, sub(matmul(g, flip(v)), share));
    return [
      q.differentiable ? matmul(ds, constantOf(k)) : null,
      k.differentiable ? matmul(flip(ds), constantOf(q)) : null,
      v.differentiable ? matmul(flip(p), g) : null,
    ];
  });
}
