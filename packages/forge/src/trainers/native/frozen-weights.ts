import { join } from 'node:path';
import { external, type Graph, type Tensor } from '../../autodiff/graph.ts';
import { ConfigError } from '../../errors.ts';
import { replaceFile } from '../../lib/replace-file.ts';
import type { Safetensors } from '../../lib/safetensors.ts';
import { elementsOf, type Parameter } from './parameters.ts';

const fileName = 'weights.bin';
/** ONNX Runtime maps external data by pages. */
const alignment = 4096;

export interface FrozenWeights {
  /** A weight as part of a graph whose model file lies in the same folder. */
  tensor(graph: Graph, name: string): Tensor;
}

/** One weight of a model, its shape checked. Throws ConfigError. */
export async function readParameter(
  weights: Safetensors,
  { name, shape }: Parameter,
  label: string,
): Promise<Float32Array> {
  const stored = weights.tensors.get(name);
  if (stored === undefined) throw new ConfigError(`model ${label}: has no weight ${name}`);
  if (stored.shape.join('x') !== shape.join('x'))
    throw new ConfigError(
      `model ${label}: ${name} is ${stored.shape.join(' x ')}; by config.json it must be ${shape.join(' x ')}`,
    );
  return weights.read(name);
}

/** Writes weights as float32 beside the graphs that use them, one at a time. */
export async function freezeWeights(
  folder: string,
  weights: Safetensors,
  parameters: readonly Parameter[],
  label: string,
): Promise<FrozenWeights> {
  const places = new Map<string, { shape: readonly number[]; offset: number; byteLength: number }>();
  await replaceFile(join(folder, fileName), async (write) => {
    let offset = 0;
    for (const parameter of parameters) {
      const data = await readParameter(weights, parameter, label);
      const byteLength = 4 * elementsOf(parameter.shape);
      places.set(parameter.name, { shape: parameter.shape, offset, byteLength });
      await write(new Uint8Array(data.buffer, data.byteOffset, byteLength));
      const padding = (alignment - (byteLength % alignment)) % alignment;
      await write(new Uint8Array(padding));
      offset += byteLength + padding;
    }
  });
  return {
    tensor(graph, name) {
      const place = places.get(name);
      if (place === undefined) throw new Error(`${name} is not frozen`);
      const { shape, ...where } = place;
      return external(graph, name, shape, { location: fileName, ...where });
    },
  };
}
