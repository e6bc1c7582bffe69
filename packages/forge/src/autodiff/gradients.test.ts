import { describe, expect, test } from 'vitest';
import { gradients } from './gradients.ts';
import { constant, createGraph, type Dim, encodeGraph, type Graph, input, output, type Tensor } from './graph.ts';
import {
  add,
  div,
  exp,
  gelu,
  log,
  mul,
  neg,
  reciprocal,
  relu,
  scale,
  sigmoid,
  silu,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from './operations/elementwise.ts';
import { linear, matmul } from './operations/matmul.ts';
import { layerNorm, logSoftmax, rmsNorm, softmax, targetLogprobs } from './operations/normalize.ts';
import { reduceMean, reduceSum } from './operations/reduce.ts';
import { rotary } from './operations/rotary.ts';
import { concat, expand, gatherRows, reshape, slice, transpose } from './operations/shape.ts';
import { type Feed, openSession } from './session.ts';

/** Uniform in [-1, 1), the same on every machine (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

interface Case {
  /** Sizes of the operands; the shapes in the graph are names where `names` gives some. */
  readonly shapes: readonly (readonly number[])[];
  readonly names?: readonly (readonly Dim[])[];
  readonly build: (operands: Tensor[], graph: Graph) => Tensor;
  /** Operands are shifted into the domain of the function. */
  readonly shift?: number;
  /** Kernels that ONNX Runtime has in float32 only are checked with a wide tolerance. */
  readonly real?: 'float32';
}

/** The derivative of a weighted sum of the result, by reverse mode and by central differences: the largest difference. */
async function largestDifference(one: Case): Promise<number> {
  const real = one.real ?? 'float64';
  const make = (values: readonly number[]) =>
    real === 'float64' ? Float64Array.from(values) : Float32Array.from(values);
  const random = generator(7);
  const graph = createGraph(real);
  const operands = one.shapes.map((shape, i) =>
    input(graph, `x${i}`, one.names?.[i] ?? shape, { differentiable: true }),
  );
  const built = one.build(operands, graph);
  // A weighted sum, so that no gradient is the same everywhere.
  const rank = built.shape.length;
  const weights = Array.from({ length: rank === 0 ? 1 : Number(built.shape.at(-1)) }, () => random() + 2);
  const weighted = mul(built, constant(graph, weights, rank === 0 ? [] : [weights.length]));
  const total = reduceSum(square(add(weighted, scale(weighted, 0.5))));
  output('total', total);
  gradients(total, operands).forEach((gradient, i) => {
    if (gradient === null) throw new Error(`no gradient of operand ${i}`);
    expect(gradient.shape).toEqual(operands[i]?.shape);
    output(`g${i}`, gradient);
  });
  const session = await openSession(encodeGraph(graph, 'check'), { threads: 1 });
  const values = one.shapes.map((shape) => Array.from({ length: sizeOf(shape) }, () => random() + (one.shift ?? 0)));
  const feeds = (of: readonly (readonly number[])[]): Record<string, Feed> =>
    Object.fromEntries(of.map((x, i) => [`x${i}`, { type: real, data: make(x), shape: one.shapes[i] as number[] }]));
  const names = operands.map((_, i) => `g${i}`);
  const analytic = await session.run(feeds(values), names);
  const totalAt = async (of: readonly (readonly number[])[]) =>
    Number((await session.run(feeds(of), ['total'])).total[0]);
  const h = real === 'float64' ? 1e-5 : 1e-2;
  let worst = 0;
  for (const [i, shape] of one.shapes.entries()) {
    for (let k = 0; k < sizeOf(shape); k++) {
      const moved = (by: number) => values.map((x, j) => (j === i ? x.map((v, l) => (l === k ? v + by : v)) : x));
      const numeric = ((await totalAt(moved(h))) - (await totalAt(moved(-h)))) / (2 * h);
      const found = Number(analytic[`g${i}`]?.[k]);
      worst = Math.max(worst, Math.abs(numeric - found) / Math.max(1, Math.abs(numeric)));
    }
  }
  await session.close();
  return worst;
}

const matrix = [3, 4] as const;
const on = (f: (a: Tensor) => Tensor, more: Partial<Case> = {}): Case => ({
  shapes: [matrix],
  build: ([a]) => f(a as Tensor),
  ...more,
});
const two = (f: (a: Tensor, b: Tensor) => Tensor, a: readonly number[], b: readonly number[], shift = 0): Case => ({
  shapes: [a, b],
  shift,
  build: ([x, y]) => f(x as Tensor, y as Tensor),
});
const whole = (graph: Graph, values: readonly number[]) => constant(graph, values, [values.length], 'int64');

const cases: Record<string, Case> = {
  add: two(add, matrix, matrix),
  'add, row stretched': two(add, matrix, [4]),
  'add, column stretched': two(add, [3, 1], matrix),
  sub: two(sub, matrix, [4]),
  mul: two(mul, matrix, matrix),
  'mul, both stretched': two(mul, [3, 1], [1, 4]),
  'mul by itself': on((a) => mul(a, a)),
  div: two(div, matrix, [4], 3),
  neg: on(neg),
  square: on(square),
  exp: on(exp),
  log: on(log, { shift: 2 }),
  sqrt: on(sqrt, { shift: 2 }),
  reciprocal: on(reciprocal, { shift: 2 }),
  sigmoid: on(sigmoid),
  tanh: on(tanh),
  softplus: on(softplus, { real: 'float32' }),
  silu: on(silu),
  gelu: on(gelu, { real: 'float32' }),
  relu: on(relu),
  where: {
    shapes: [matrix, matrix],
    build: ([a, b], graph) => where(constant(graph, [1, 0, 1, 1], [4], 'bool'), a as Tensor, b as Tensor),
  },
  reshape: on((a) => reshape(a, [2, 6])),
  'reshape, sizes known at run time': {
    shapes: [[2, 3, 4]],
    names: [['B', 'T', 4]],
    build: ([a]) => reshape(reshape(a as Tensor, ['B*T', 4]), ['B', 'T', 2, 2]),
  },
  transpose: { shapes: [[2, 3, 4]], build: ([a]) => transpose(a as Tensor, [2, 0, 1]) },
  slice: on((a) => slice(a, 1, 1, 3)),
  concat: two((a, b) => concat([a, b], 1), matrix, [3, 2]),
  expand: { shapes: [[3, 1]], build: ([a]) => expand(a as Tensor, [2, 3, 4]) },
  'rows of a table, one twice': on((a) => gatherRows(a, whole(a.graph, [2, 0, 2]))),
  reduceSum: on((a) => reduceSum(a, [0])),
  'reduceSum, kept': on((a) => reduceSum(a, [1], true)),
  'reduceSum of all': on((a) => reduceSum(a)),
  reduceMean: on((a) => reduceMean(a, [1], true)),
  matmul: two(matmul, [2, 3, 4], [2, 4, 5]),
  'matmul, stretched': two(matmul, [2, 2, 3, 4], [2, 1, 4, 2]),
  linear: { shapes: [matrix, [5, 4], [5]], build: ([x, w, b]) => linear(x as Tensor, w as Tensor, b) },
  softmax: on(softmax),
  logSoftmax: on(logSoftmax),
  rmsNorm: { shapes: [matrix, [4]], build: ([x, w]) => rmsNorm(x as Tensor, w as Tensor, 1e-5) },
  layerNorm: {
    shapes: [matrix, [4], [4]],
    build: ([x, w, b]) => layerNorm(x as Tensor, w as Tensor, b as Tensor, 1e-5),
  },
  targetLogprobs: on((a) => targetLogprobs(a, whole(a.graph, [1, 3, 1]))),
  rotary: {
    shapes: [[1, 2, 3, 4]],
    real: 'float32',
    build: ([x], graph) => {
      const angles = [0.3, 0.7, 1.1, 0.2, 0.5, 0.9];
      const table = (f: (angle: number) => number) => constant(graph, angles.map(f), [3, 2]);
      const positions = constant(graph, [0, 1, 2], [1, 3], 'int64');
      return rotary(x as Tensor, table(Math.cos), table(Math.sin), positions);
    },
  },
};

describe('every operation goes back as central differences say', () => {
  test.each(Object.entries(cases))('%s', async (_, one) => {
    expect(await largestDifference(one)).toBeLessThan(one.real === 'float32' ? 2e-2 : 1e-6);
  });
});

test('a value that is used several times gets the sum of what comes back', async () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2], { differentiable: true });
  const total = reduceSum(add(mul(x, x), scale(x, 3)));
  output('g', gradients(total, [x])[0] as Tensor);
  const session = await openSession(encodeGraph(graph, 'sum'), { threads: 1 });
  const { g } = await session.run({ x: { type: 'float32', data: Float32Array.of(1, -2), shape: [2] } }, ['g']);
  expect([...g]).toEqual([5, -1]);
  await session.close();
});

test('a parameter that the result does not depend on has no gradient', () => {
  const graph = createGraph();
  const [x, y] = [1, 2].map((i) => input(graph, `x${i}`, [2], { differentiable: true })) as [Tensor, Tensor];
  expect(gradients(reduceSum(x), [y])).toEqual([null]);
});

test('shapes that do not fit are refused when the graph is built', () => {
  const graph = createGraph();
  const [x, y] = [3, 4].map((n) => input(graph, `x${n}`, [2, n])) as [Tensor, Tensor];
  expect(() => add(x, y)).toThrow('shapes [2,3] and [2,4] do not fit together');
  expect(() => matmul(x, y)).toThrow('matmul of [2,3] and [2,4]');
  expect(() => slice(x, 1, 2, 5)).toThrow('slice 2..5 of axis 1 of [2,3]');
});
