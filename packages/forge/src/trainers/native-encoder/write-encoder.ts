import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGraph, encodeGraph, output, stored, type Tensor } from '../../autodiff/graph.ts';
import { elementsOf, type Layout } from '../native/parameters.ts';
import { declareSequences, type EncoderParts, logits, tokenStates } from './encoder.ts';
import { type EncoderConfig, encoderJson } from './encoder-config.ts';

/** The bytes of the .onnx file: inputs as BERT names them; output `last_hidden_state`, or `logits` where there are labels. */
function encoderOnnx({ shape, labels }: EncoderConfig, layout: Layout, weights: Float32Array): Uint8Array {
  const graph = createGraph();
  const sequences = declareSequences(graph, '');
  const known = new Map(
    layout.parameters.map(({ name, shape: size, offset }): [string, Tensor] => [
      name,
      stored(graph, name, size, weights.slice(offset, offset + elementsOf(size))),
    ]),
  );
  const parts: EncoderParts = { shape, maxLength: shape.context, weight: (name) => known.get(name) as Tensor };
  if (labels.length === 0) output('last_hidden_state', tokenStates(graph, parts, sequences));
  else output('logits', logits(graph, parts, sequences));
  return encodeGraph(graph, 'encoder');
}

/** Writes an encoder as a folder that transformers.js reads. `from`: the folder that has its tokenizer. */
export async function writeEncoder(
  folder: string,
  from: string,
  config: EncoderConfig,
  layout: Layout,
  weights: Float32Array,
): Promise<void> {
  await mkdir(join(folder, 'onnx'), { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(from, name), join(folder, name));
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(encoderJson(config), null, 2)}\n`);
  await writeFile(join(folder, 'onnx', 'model.onnx'), encoderOnnx(config, layout, weights));
}
