import { axesOf, type Dim, emit, record, scalar, type Tensor } from '../graph.ts';

/** The shape of a result of two operands that are stretched to each other (numpy's rules; names count as equal or as 1). */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  const at = (shape: readonly Dim[], axis: number) => shape[axis - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const [first, second] = [at(a, axis), at(b, axis)];
    if (first === second || second === 1) return first;
    if (first === 1) return second;
    throw new RangeError(`shapes [${a}] and [${b}] do not fit together`);
  });
}

/** A gradient summed over what had been stretched. */
export function unbroadcast(gradient: Tensor, shape: readonly Dim[]): Tensor {
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) =>
    axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : [],
  );
  if (axes.length === 0) return gradient;
  const { graph } = gradient;
  const kept = gradient.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const sum = emit(graph, 'ReduceSum', [gradient, axesOf(graph, axes)], { shape: kept }, { keepdims: 1 });
  if (extra === 0) return sum;
  const leading = axesOf(
    graph,
    Array.from({ length: extra }, (_, axis) => axis),
  );
  return emit(graph, 'Squeeze', [sum, leading], { shape: kept.slice(extra) });
}

const binary = (opType: string, a: Tensor, b: Tensor) =>
  emit(a.graph, opType, [a, b], { shape: broadcast(a.shape, b.shape) });
const unary = (opType: string, a: Tensor) => emit(a.graph, opType, [a], { shape: a.shape });

/** a + b, shapes broadcast. */
export const add = (a: Tensor, b: Tensor): Tensor =>
  record(binary('Add', a, b), [a, b], (g) => [
    a.differentiable ? unbroadcast(g, a.shape) : null,
    b.differentiable ? unbroadcast(g, b.shape) : null,
  ]);

/** a - b, shapes broadcast. */
export const sub = (a: Tensor, b: Tensor): Tensor =>
  record(binary('Sub', a, b), [a, b], (g) => [
    a.differentiable ? unbroadcast(g, a.shape) : null,
    b.differentiable ? unbroadcast(neg(g), b.shape) : null,
  ]);

/** a * b, shapes broadcast. */
export const mul = (a: Tensor, b: Tensor): Tensor =>
  record(binary('Mul', a, b), [a, b], (g) => [
    a.differentiable ? unbroadcast(mul(g, b), a.shape) : null,
    b.differentiable ? unbroadcast(mul(g, a), b.shape) : null,
  ]);

/** a / b, shapes broadcast. */
export const div = (a: Tensor, b: Tensor): Tensor => {
  const quotient = binary('Div', a, b);
  return record(quotient, [a, b], (g) => [
    a.differentiable ? unbroadcast(div(g, b), a.shape) : null,
    b.differentiable ? unbroadcast(neg(div(mul(g, quotient), b)), b.shape) : null,
  ]);
};

/** -a */
export const neg = (a: Tensor): Tensor => record(unary('Neg', a), [a], (g) => [neg(g)]);

/** a times a number. */
export const scale = (a: Tensor, factor: number): Tensor => mul(a, scalar(a.graph, factor));

/** a squared. */
export const square = (a: Tensor): Tensor => record(binary('Mul', a, a), [a], (g) => [mul(g, scale(a, 2))]);

/** e to the a. */
export const exp = (a: Tensor): Tensor => {
  const result = unary('Exp', a);
  return record(result, [a], (g) => [mul(g, result)]);
};

/** The natural logarithm. */
export const log = (a: Tensor): Tensor => record(unary('Log', a), [a], (g) => [div(g, a)]);

/** The square root. */
export const sqrt = (a: Tensor): Tensor => {
  const result = unary('Sqrt', a);
  return record(result, [a], (g) => [div(scale(g, 0.5), result)]);
};

/** 1 / a */
export const reciprocal = (a: Tensor): Tensor => {
  const result = unary('Reciprocal', a);
  return record(result, [a], (g) => [neg(mul(g, binary('Mul', result, result)))]);
};

/** 1 / (1 + exp(-a)) */
export const sigmoid = (a: Tensor): Tensor => {
  const s = unary('Sigmoid', a);
  return record(s, [a], (g) => [mul(g, mul(s, sub(scalar(a.graph, 1), s)))]);
};

/** The hyperbolic tangent. */
export const tanh = (a: Tensor): Tensor => {
  const t = unary('Tanh', a);
  return record(t, [a], (g) => [mul(g, sub(scalar(a.graph, 1), binary('Mul', t, t)))]);
};

/** ln(1 + e^x), without overflow. */
export const softplus = (a: Tensor): Tensor => record(unary('Softplus', a), [a], (g) => [mul(g, unary('Sigmoid', a))]);

/** x sigmoid(x) (Elfwing et al. 2017). */
export function silu(a: Tensor): Tensor {
  const s = unary('Sigmoid', a);
  const result = binary('Mul', a, s);
  // d/dx = s + x s (1 - s) = s + y (1 - s): y is kept already.
  return record(result, [a], (g) => [mul(g, add(s, mul(result, sub(scalar(a.graph, 1), s))))]);
}

/** x Phi(x) with the error function (Hendrycks and Gimpel 2016). */
export function gelu(a: Tensor): Tensor {
  const { graph } = a;
  const half = scale(add(unary('Erf', scale(constantOf(a), Math.SQRT1_2)), scalar(graph, 1)), 0.5);
  const result = binary('Mul', a, half);
  return record(result, [a], (g) => {
    const density = scale(exp(scale(square(constantOf(a)), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [mul(g, add(half, mul(constantOf(a), density)))];
  });
}

/** max(a, 0) */
export const relu = (a: Tensor): Tensor =>
  record(unary('Relu', a), [a], (g) => {
    const positive = emit(a.graph, 'Greater', [a, scalar(a.graph, 0)], { shape: a.shape, type: 'bool' });
    return [emit(a.graph, 'Where', [positive, g, scalar(a.graph, 0)], { shape: a.shape })];
  });

/** `condition` (bool) ? a : b, elementwise; the condition has the shape of the result. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor => {
  const shape = broadcast(a.shape, b.shape);
  const pick = (x: Tensor, y: Tensor) => emit(a.graph, 'Where', [condition, x, y], { shape });
  return record(pick(a, b), [a, b], (g) => [
    a.differentiable ? unbroadcast(pick(g, scalar(a.graph, 0)), a.shape) : null,
    b.differentiable ? unbroadcast(pick(scalar(a.graph, 0), g), b.shape) : null,
  ]);
};

/** The same value, cut off from what it was made of: no gradient flows through. */
export const constantOf = (a: Tensor): Tensor => ({ ...a, differentiable: false });
