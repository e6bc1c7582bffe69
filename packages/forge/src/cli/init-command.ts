import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { formatCount } from '../lib/format.ts';
import { root } from '../lib/installation.ts';
import { shortPath } from './workspace.ts';

const encoderFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'];

/** What `forge init` writes, paths from the root: experiments that run without a network, and all that they name. The npm package has it, too. */
export const exampleFiles: readonly string[] = [
  ...['quickstart', 'early-stop', 'few-shot', 'reading', 'self-consistency', 'faithfulness', 'rag-ablation', 'agent']
    .concat(['sft-lab', 'dpo-lab', 'bench-lab'])
    .map((name) => `experiments/${name}.yaml`),
  ...['quickstart', 'early-stop', 'rag-ablation', 'agent'].map((name) => `experiments/${name}.lock.json`),
  'experiments/tools/units.ts',
  'corpora/lab-world.yaml',
  // Those that are checked in minutes; the others train and benchmark.
  ...['agent', 'chain-of-thought', 'early-stop', 'reranking'].map((name) => `findings/${name}.yaml`),
  'datasets/lab-world/corpus.jsonl',
  'datasets/lab-world/pairs.jsonl',
  ...['README.md', 'config.json', 'tokenizer.json', 'tokenizer_config.json']
    .concat(['lab-world-2m.gguf', 'lab-world-2m-q8_0.gguf', 'model.safetensors'])
    .map((name) => `models/lab/${name}`),
  'models/lab-encoders/README.md',
  ...['embedder', 'cross-encoder', 'nli'].flatMap((name) =>
    encoderFiles.map((file) => `models/lab-encoders/${name}/${file}`),
  ),
];

/** For editors; in a project they lie in schemas/. */
export const schemaFiles = ['experiment', 'corpus', 'training', 'benchmark', 'findings'].map(
  (name) => `packages/forge/${name}.schema.json`,
);

const inProject = (path: string) => path.replace(/^packages\/forge\//, 'schemas/');

async function contentOf(path: string): Promise<Buffer> {
  const bytes = await readFile(join(root, path));
  if (!path.endsWith('.yaml')) return bytes;
  return Buffer.from(bytes.toString().replace('$schema=../packages/forge/', '$schema=../schemas/'));
}

/** False where the file is there already. */
async function writeNew(file: string, content: Buffer): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (error) {
    throw new ConfigError(
      `${dirname(file)}: cannot be made (${(error as NodeJS.ErrnoException).code}); give another folder`,
    );
  }
  try {
    await writeFile(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new ConfigError(`${file}: cannot be written (${code}); give another folder`);
  }
}

/** Writes the examples below `folder`, and says what to do next. A file that is there already stays as it is. */
export async function init(folder: string): Promise<void> {
  const target = resolve(folder);
  let [written, bytes, kept] = [0, 0, 0];
  for (const path of [...exampleFiles, ...schemaFiles]) {
    const content = await contentOf(path);
    if (await writeNew(join(target, inProject(path)), content)) {
      written++;
      bytes += content.length;
    } else kept++;
  }
  const there = kept === 0 ? '' : `; ${formatCount(kept)} that were there are kept`;
  console.log(`written to ${shortPath(target)}: ${formatCount(written)} files, ${(bytes / 1e6).toFixed(1)} MB${there}`);
  const cd = target === process.cwd() ? '' : `cd ${shortPath(target)}\n`;
  console.log(`\nnext:\n${cd}npx forge run experiments/quickstart.yaml\nnpx forge serve`);
}
