import { ConfigError } from '../../errors.ts';
import { readPeftAdapter } from '../../lib/peft-adapter.ts';
import { createRandom } from '../../lib/random.ts';
import type { Safetensors } from '../../lib/safetensors.ts';
import { readParameter } from './frozen-weights.ts';
import { adapterName, elementsOf, type Layout, type Parameter } from './parameters.ts';

/** Standard normal numbers (Box and Muller 1958), the same on every machine for a seed. */
function createNormal(seed: string): () => number {
  const random = createRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function fill(layout: Layout, values: (parameter: Parameter, into: Float32Array) => void): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(layout.size);
  for (const one of layout.parameters) values(one, vector.subarray(one.offset, one.offset + elementsOf(one.shape)));
  return vector;
}

/** A uniform in +-1 / sqrt(in), which is Kaiming's with a = sqrt(5), B zero: PEFT's start. */
export function newAdapter(layout: Layout, seed: number): Float32Array<ArrayBuffer> {
  return fill(layout, ({ name, shape }, into) => {
    if (!name.endsWith('.lora_A.weight')) return;
    const random = createRandom(`${seed} ${name}`);
    const bound = (shape[1] as number) ** -0.5;
    for (let i = 0; i < into.length; i++) into[i] = (2 * random.next() - 1) * bound;
  });
}

/** An adapter in the layout of PEFT as the start. Throws ConfigError where it does not fit. */
export async function storedAdapter(layout: Layout, folder: string): Promise<Float32Array<ArrayBuffer>> {
  const { matrices } = await readPeftAdapter(folder);
  const known = new Map(
    matrices.flatMap(({ module, a, b }) => [
      [adapterName(module, 'A'), a],
      [adapterName(module, 'B'), b],
    ]),
  );
  return fill(layout, ({ name, shape }, into) => {
    const data = known.get(name);
    if (data?.length !== elementsOf(shape))
      throw new ConfigError(
        `${folder}: ${name} is missing or not ${shape.join(' x ')}: it was made for other settings`,
      );
    into.set(data);
  });
}

/**
 * Weights to begin pretraining with: embeddings of standard deviation 0.02, matrices of 1 / sqrt(in), those that write into
 * the residual stream smaller by sqrt(2 layers) (Radford et al. 2019), norms 1, biases 0.
 */
export function newModel(layout: Layout, layers: number, seed: number): Float32Array<ArrayBuffer> {
  return fill(layout, ({ name, shape, kind }, into) => {
    if (kind === 'norm') into.fill(1);
    if (kind === 'norm' || kind === 'bias') return;
    const writes = /\b(o_proj|down_proj)\b/.test(name);
    const deviation = kind === 'embedding' ? 0.02 : (shape[1] as number) ** -0.5 / (writes ? Math.sqrt(2 * layers) : 1);
    const normal = createNormal(`${seed} ${name}`);
    for (let i = 0; i < into.length; i++) into[i] = deviation * normal();
  });
}

/** All weights of a model as the start. Throws ConfigError. */
export async function storedModel(
  layout: Layout,
  weights: Safetensors,
  label: string,
): Promise<Float32Array<ArrayBuffer>> {
  const vector = new Float32Array(layout.size);
  for (const one of layout.parameters) vector.set(await readParameter(weights, one, label), one.offset);
  return vector;
}
