import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const models = fileURLToPath(new URL('../models/', import.meta.url));

/** Weights and tokenizers that come with the repository: what a run's figures depend on. */
const bundled = [
  'lab/lab-world-2m.gguf',
  'lab/lab-world-2m-q8_0.gguf',
  'lab/model.safetensors',
  'lab/tokenizer.json',
  ...['cross-encoder', 'embedder', 'nli'].flatMap((name) => [
    `lab-encoders/${name}/onnx/model.onnx`,
    `lab-encoders/${name}/tokenizer.json`,
  ]),
];

/** As sha256sum prints them, for `sha256sum --check` in models/ and for forge doctor. */
export async function modelSums(): Promise<string> {
  const lines = await Promise.all(
    bundled.map(async (path) => {
      const bytes = await readFile(`${models}${path}`);
      return `${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`;
    }),
  );
  return lines.join('');
}
