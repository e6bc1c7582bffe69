/**
 * Writes golden-scores.json, what tests hold the engines and trainers against: log-probabilities of the lab model and of random models by
 * transformers and PEFT. `FORGE_TEST_PYTHON=python npm run golden-scores`, after a new lab model or tokenizer;
 * Python needs packages/forge/src/trainers/trl/requirements.txt.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { endingTexts, familyShapes, type GoldenScores, texts } from './model-families.ts';
import { writeRandomAdapter, writeRandomModel } from './random-model.ts';
import { transformersScores } from './transformers-scores.ts';

const lab = fileURLToPath(new URL('../../../../models/lab', import.meta.url));
const python = env.FORGE_TEST_PYTHON;
if (python === undefined) throw new Error('FORGE_TEST_PYTHON: the path of a Python with transformers and PEFT');

const dir = await mkdtemp(join(tmpdir(), 'forge-golden-'));
try {
  const adapter = join(dir, 'adapter');
  let versions: Readonly<Record<string, string>> = {};
  async function both(model: string) {
    await writeRandomAdapter(adapter, model);
    const plain = await transformersScores(python as string, [model], texts);
    const adapted = await transformersScores(python as string, [model, adapter], texts);
    versions = adapted.versions;
    return { plain: plain.totals, adapted: adapted.totals };
  }
  const ofLab = await both(lab);
  const { totals: ends } = await transformersScores(python, [lab], endingTexts);
  const families = [];
  for (const [i, { config, extras }] of familyShapes.entries()) {
    const model = join(dir, String(i));
    await writeRandomModel(model, config, extras);
    families.push(await both(model));
  }
  const golden: GoldenScores = { versions, lab: { ...ofLab, ends }, families };
  await writeFile(join(import.meta.dirname, 'golden-scores.json'), `${JSON.stringify(golden, null, 2)}\n`);
} finally {
  await rm(dir, { recursive: true, force: true });
}
