import { scalar, type Tensor } from './graph.ts';
import { add } from './operations/elementwise.ts';

/**
 * Appends to the graph what computes d result / d parameter (reverse mode), for a result of one element.
 * `seed` scales the result, e.g. 1 / number of rows. Parameters that the result does not depend on: null.
 */
export function gradients(result: Tensor, parameters: readonly Tensor[], seed?: Tensor): readonly (Tensor | null)[] {
  const { graph } = result;
  if (result.shape.length !== 0) throw new RangeError(`gradients: the result must be a scalar, not [${result.shape}]`);
  const found = new Map<string, Tensor>([[result.name, seed ?? scalar(graph, 1)]]);
  const wanted = new Set(parameters.map((one) => one.name));
  // What is appended on the way back is not differentiated again.
  const tape = graph.tape.splice(0).reverse();
  for (const { output, operands, backward } of tape) {
    const gradient = found.get(output.name);
    if (gradient === undefined) continue;
    if (!wanted.has(output.name)) found.delete(output.name);
    backward(gradient).forEach((part, index) => {
      const operand = operands[index];
      if (part === null || operand === undefined || !operand.differentiable) return;
      const known = found.get(operand.name);
      found.set(operand.name, known === undefined ? part : add(known, part));
    });
  }
  graph.tape.length = 0;
  return parameters.map((one) => found.get(one.name) ?? null);
}
