import { type Attribute, type ElementType, encodeOnnx, type OnnxInitializer, type OnnxNode } from './onnx-model.ts';

/** A size that is known, or the name of one that is known when the graph runs: equal names are equal sizes. */
export type Dim = number | string;

/** A value in a graph. */
export interface Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
  /** Whether a gradient with respect to it may be asked for, or flows through it. */
  readonly differentiable: boolean;
}

/** How the gradient of one operation's result becomes those of its operands; null for an operand that has none. */
interface TapeEntry {
  readonly output: Tensor;
  readonly operands: readonly Tensor[];
  backward(gradient: Tensor): readonly (Tensor | null)[];
}

/**
 * An ONNX graph that is being built. Operations (`operations/`) append nodes; those on differentiable values also put on
 * the tape how to go back. `real` is the type of real numbers: float64 for checking gradients.
 */
export interface Graph {
  readonly real: 'float32' | 'float64';
  readonly nodes: OnnxNode[];
  readonly tape: TapeEntry[];
  readonly inputs: Tensor[];
  readonly outputs: { name: string; tensor: Tensor }[];
  readonly initializers: OnnxInitializer[];
  /** One-element int64 tensors with sizes that are known at run time, by name. */
  readonly sizes: Map<string, Tensor>;
  readonly constants: Map<string, Tensor>;
  counter: number;
}

/** An empty graph whose real numbers are of this type. */
export const createGraph = (real: Graph['real'] = 'float32'): Graph => ({
  real,
  nodes: [],
  tape: [],
  inputs: [],
  outputs: [],
  initializers: [],
  sizes: new Map(),
  constants: new Map(),
  counter: 0,
});

/** A value given at every run. `differentiable` ones are what `gradients` can be asked for. */
export function input(
  graph: Graph,
  name: string,
  shape: readonly Dim[],
  options: { type?: ElementType; differentiable?: boolean } = {},
): Tensor {
  const { type = graph.real, differentiable = false } = options;
  const tensor: Tensor = { graph, name, type, shape, differentiable };
  graph.inputs.push(tensor);
  shape.forEach((dim, axis) => {
    if (typeof dim !== 'string' || graph.sizes.has(dim)) return;
    const size = emit(graph, 'Shape', [tensor], { type: 'int64', shape: [1] }, { start: axis, end: axis + 1 });
    graph.sizes.set(dim, size);
  });
  return tensor;
}

/** Weights that never change, in a file beside the model: ONNX Runtime maps it, no run copies them. float32. */
export function external(
  graph: Graph,
  name: string,
  shape: readonly number[],
  place: { location: string; offset: number; byteLength: number },
): Tensor {
  graph.initializers.push({ name, type: 'float32', shape, ...place });
  return { graph, name, type: 'float32', shape, differentiable: false };
}

/** Weights that never change, in the model itself. float32. */
export function stored(graph: Graph, name: string, shape: readonly number[], values: Float32Array): Tensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  graph.initializers.push({ name, type: 'float32', shape, data });
  return { graph, name, type: 'float32', shape, differentiable: false };
}

/** Appends one node with one result; not differentiable by itself. */
export function emit(
  graph: Graph,
  opType: string,
  inputs: readonly (Tensor | null)[],
  result: { shape: readonly Dim[]; type?: ElementType },
  attributes: Readonly<Record<string, Attribute>> = {},
): Tensor {
  const name = `${opType}_${graph.counter++}`;
  graph.nodes.push({ opType, domain: '', inputs: inputs.map((one) => one?.name ?? ''), outputs: [name], attributes });
  return { graph, name, type: result.type ?? graph.real, shape: result.shape, differentiable: false };
}

/** Marks a result as differentiable with respect to those operands that are, and notes the way back. */
export function record(
  output: Tensor,
  operands: readonly Tensor[],
  backward: (gradient: Tensor) => readonly (Tensor | null)[],
): Tensor {
  if (!operands.some((one) => one.differentiable)) return output;
  const result = { ...output, differentiable: true };
  output.graph.tape.push({ output: result, operands, backward });
  return result;
}

/** A constant of real numbers (the default) or whole ones; equal small ones are stored once. */
export function constant(
  graph: Graph,
  values: readonly number[],
  shape: readonly number[],
  type: ElementType = graph.real,
): Tensor {
  const small = values.length <= 64;
  const key = small ? `${type} ${shape.join('x')} ${values.join(' ')}` : '';
  const known = graph.constants.get(key);
  if (known !== undefined) return known;
  const array =
    type === 'int64'
      ? BigInt64Array.from(values, BigInt)
      : type === 'float64'
        ? Float64Array.from(values)
        : type === 'bool'
          ? Uint8Array.from(values)
          : Float32Array.from(values);
  const name = `constant_${graph.counter++}`;
  graph.initializers.push({ name, type, shape, data: new Uint8Array(array.buffer) });
  const tensor: Tensor = { graph, name, type, shape, differentiable: false };
  if (small) graph.constants.set(key, tensor);
  return tensor;
}

/** A constant of shape []. */
export const scalar = (graph: Graph, value: number): Tensor => constant(graph, [value], []);
/** Axes as the int64 tensor that ONNX operators take. */
export const axesOf = (graph: Graph, axes: readonly number[]): Tensor => constant(graph, axes, [axes.length], 'int64');

/** A shape as an int64 tensor: constant where it can be. */
export function shapeTensor(graph: Graph, shape: readonly Dim[]): Tensor {
  if (shape.every((dim) => typeof dim === 'number')) return axesOf(graph, shape as readonly number[]);
  const key = `shape ${shape.join(' ')}`;
  const known = graph.constants.get(key);
  if (known !== undefined) return known;
  const parts = shape.map((dim) => (typeof dim === 'number' ? axesOf(graph, [dim]) : sizeOf(graph, dim)));
  const made = emit(graph, 'Concat', parts, { type: 'int64', shape: [shape.length] }, { axis: 0 });
  graph.constants.set(key, made);
  return made;
}

/** A size known at run time. Products are written `B*T`. */
function sizeOf(graph: Graph, dim: string): Tensor {
  const known = graph.sizes.get(dim);
  if (known !== undefined) return known;
  const factors = dim.split('*');
  if (factors.length < 2) throw new RangeError(`no input has a dimension "${dim}"`);
  const sizes = factors.map((factor) =>
    /^\d+$/.test(factor) ? axesOf(graph, [Number(factor)]) : sizeOf(graph, factor),
  );
  const product = sizes.reduce((a, b) => emit(graph, 'Mul', [a, b], { type: 'int64', shape: [1] }));
  graph.sizes.set(dim, product);
  return product;
}

/** Gives a value out under a name. */
export function output(name: string, tensor: Tensor): void {
  const named = emit(tensor.graph, 'Identity', [tensor], { shape: tensor.shape, type: tensor.type });
  tensor.graph.outputs.push({ name, tensor: named });
}

/** The bytes of an .onnx file (opset 23). */
export function encodeGraph(graph: Graph, name: string): Uint8Array {
  const names = new Map(graph.outputs.map((one) => [one.tensor.name, one.name]));
  return encodeOnnx({
    name,
    nodes: graph.nodes.map((node) => ({
      ...node,
      outputs: node.outputs.map((one) => names.get(one) ?? one),
    })),
    inputs: graph.inputs,
    outputs: graph.outputs.map((one) => ({ name: one.name, type: one.tensor.type, shape: one.tensor.shape })),
    initializers: graph.initializers,
  });
}
