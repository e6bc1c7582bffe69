import { emit, record, type Tensor } from '../graph.ts';
import { neg } from './elementwise.ts';

/**
 * Rotary position embedding (Su et al. 2021), halves of a head paired as in Hugging Face's Llama. x [batch, heads, length, size];
 * cos and sin [positions, size / 2]; positions int64 [batch, length]. The way back turns the other way.
 */
export function rotary(x: Tensor, cos: Tensor, sin: Tensor, positions: Tensor): Tensor {
  const turn = (a: Tensor, s: Tensor) => emit(x.graph, 'RotaryEmbedding', [a, cos, s, positions], { shape: x.shape });
  return record(turn(x, sin), [x], (g) => [turn(g, neg(sin))]);
}
