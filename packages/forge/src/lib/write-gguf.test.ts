import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { readGgufFileInfo } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCpuEngine } from '../testing/cpu-engine.ts';
import { families, goldenScores, texts } from '../testing/model-families.ts';
import { writeRandomAdapter, writeRandomModel } from '../testing/random-model.ts';
import { transformersScores } from '../testing/transformers-scores.ts';
import { writeGgufAdapter } from './write-gguf-adapter.ts';
import { writeGgufModel } from './write-gguf-model.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const lab = join(root, 'models/lab');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-gguf-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Summed log-probabilities of the three continuations, nats. */
const scores = (options: object) =>
  withCpuEngine(dir, options, async (engine) => {
    const totals: number[] = [];
    for (const text of texts) totals.push((await engine.score?.(text))?.total ?? Number.NaN);
    return totals;
  });

/** llama.cpp keeps keys and values in F16, which is seen in a sum over a hundred tokens. */
function expectClose(found: readonly number[], golden: readonly number[], tolerance = 0.06): void {
  for (const [index, total] of golden.entries())
    expect(Math.abs((found[index] as number) - total), `text ${index}: ${found[index]}, ${total}`).toBeLessThan(
      tolerance,
    );
}

/** The same three sums from transformers and PEFT, on machines that have them. */
async function expectReference(golden: readonly number[], tolerance: number, ...folders: [string, string?]) {
  const python = env.FORGE_TEST_PYTHON;
  if (python !== undefined) expectClose((await transformersScores(python, folders, texts)).totals, golden, tolerance);
}

/** Loading PyTorch takes its time on a busy machine. */
const timeout = env.FORGE_TEST_PYTHON === undefined ? 60_000 : 300_000;

describe('the lab model', { timeout }, () => {
  const path = () => join(dir, 'lab.gguf');
  beforeAll(() => writeGgufModel({ model: lab, path: path(), name: 'lab' }));

  it.each([
    ['lab-world-2m.gguf', 'F16'],
    ['lab-world-2m-q8_0.gguf', 'Q8_0'],
  ] as const)('is bundled as %s, byte for byte', async (file, dtype) => {
    const again = join(dir, file);
    await writeGgufModel({ model: lab, path: again, name: 'lab-world-2m', dtype });
    const [ours, bundled] = await Promise.all([readFile(again), readFile(join(lab, file))]);
    expect(ours.equals(bundled)).toBe(true);
  });

  it('serves an adapter for all seven matrices as PEFT does, beside the model and merged into it', async () => {
    const adapter = join(dir, 'lab-adapter');
    await writeRandomAdapter(adapter, lab);
    await writeGgufAdapter({ adapter, model: lab, path: join(dir, 'lab-lora.gguf'), name: 'random' });
    await writeGgufModel({ model: lab, adapter, path: join(dir, 'lab-merged.gguf'), name: 'merged' });
    const { plain, adapted: golden } = goldenScores.lab;
    expectClose(await scores({ model: path() }), plain);
    const served = await scores({ model: path(), lora: [{ path: join(dir, 'lab-lora.gguf') }] });
    expectClose(served, golden);
    expectClose(await scores({ model: join(dir, 'lab-merged.gguf') }), golden);
    // Half of the adapter is neither all of it nor none.
    const half = await scores({ model: path(), lora: [{ path: join(dir, 'lab-lora.gguf'), scale: 0.5 }] });
    for (const other of [plain, golden])
      expect(Math.abs((half[2] as number) - (other[2] as number))).toBeGreaterThan(0.5);
    await expectReference(plain, 1e-3, lab);
    await expectReference(golden, 1e-3, lab, adapter);
  });
});

describe('models of the family', { timeout }, () => {
  it.each([...families])('$what: scores as transformers, also with an adapter', async (family) => {
    const name = family.config.model_type;
    const [model, adapter, path] = [join(dir, name), join(dir, `${name}-adapter`), join(dir, `${name}.gguf`)];
    await writeRandomModel(model, family.config, family.extras);
    await writeRandomAdapter(adapter, model);
    await writeGgufModel({ model, path, name, dtype: 'F32' });
    expectClose(await scores({ model: path }), family.plain);
    await writeGgufAdapter({ adapter, model, path: join(dir, `${name}-lora.gguf`), name });
    expectClose(await scores({ model: path, lora: [{ path: join(dir, `${name}-lora.gguf`) }] }), family.adapted);
    await expectReference(family.plain, 1e-2, model);
    await expectReference(family.adapted, 1e-2, model, adapter);
  });

  it('reads the window of Mistral as the context', async () => {
    const info = await readGgufFileInfo(join(dir, 'mistral.gguf'));
    expect(info.metadata).toMatchObject({ llama: { context_length: 256 } });
  });
});
