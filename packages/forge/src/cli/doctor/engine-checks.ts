import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';
import { type Check, fail, ok, warn } from './check.ts';

const failed = z.strictObject({ error: z.string() });
const backendsSchema = z.object({
  llama: z.union([failed, z.strictObject({ gpu: z.union([z.string(), z.literal(false)]) })]),
  onnx: z.union([failed, z.strictObject({ backends: z.array(z.string()) })]),
});

const reinstall = 'install the packages again: npm install llm-forge, or in a clone npm run setup';

/** What llama.cpp and ONNX Runtime compute on here. `hasGpu`: nvidia-smi knows one. */
export async function backendChecks(hasGpu: boolean): Promise<Check[]> {
  const script = fileURLToPath(new URL('./backends.ts', import.meta.url));
  let found: z.infer<typeof backendsSchema>;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 120_000 });
    found = backendsSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  } catch (error) {
    return [fail('engines', `cannot be loaded: ${messageOf(error).split('\n')[0]}`, reinstall)];
  }
  const { llama, onnx } = found;
  const llamaCheck =
    'error' in llama
      ? fail('llama.cpp', llama.error, reinstall)
      : hasGpu && llama.gpu !== 'cuda'
        ? warn(
            'llama.cpp',
            `computes on ${llama.gpu || 'the CPU'}, not on the GPU`,
            'install the CUDA runtime of version 12',
          )
        : ok('llama.cpp', `computes on ${llama.gpu || 'the CPU'}`);
  const onnxCheck =
    'error' in onnx ? fail('onnxruntime', onnx.error, reinstall) : ok('onnxruntime', `has ${onnx.backends.join(', ')}`);
  return [llamaCheck, onnxCheck];
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Lines of sha256sum: the hash, two blanks, a path beside the list. */
export async function modelsCheck(folder: string): Promise<Check> {
  const list = join(folder, 'sha256sums.txt');
  const mend = 'get the files of this version again: npm install llm-forge, or in a clone git checkout -- models';
  const text = await readFile(list, 'utf8').catch(() => undefined);
  if (text === undefined) return fail('models', `${list} is missing`, mend);
  const wrong: string[] = [];
  const lines = text.trim().split('\n');
  for (const line of lines) {
    const [hash = '', path = ''] = line.split('  ');
    const found = await sha256Of(join(folder, path)).catch(() => 'missing');
    if (found !== hash) wrong.push(found === 'missing' ? `${path} is missing` : `${path} is not as it was released`);
  }
  if (wrong.length > 0) return fail('models', wrong.join('; '), mend);
  return ok('models', `${lines.length} bundled files are as they were released`);
}
