import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { forge } from '../testing/forge-process.ts';
import { root } from '../testing/lab-encoders.ts';
import type { TrainingRecord, TrainingRunRecord } from '../training-record.ts';
import type { TrainingReport } from '../training-report.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-train-encoder-'));
  const rows = join(root, 'datasets/lab-world/encoder-rows.ts');
  await promisify(execFile)(process.execPath, [rows, join(dir, 'rows'), '1']);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

// Each file as it lies in the repository, with few steps.
test.each([
  ['embedder', { size: 8, accumulate: 1 }],
  ['cross-encoder', { size: 4, accumulate: 1 }],
  ['nli', { size: 4, accumulate: 2 }],
])(
  'forge train models/lab-encoders/%s.yaml leaves a model that encoders load',
  async (name, batch) => {
    const whole = parse(await readFile(join(root, `models/lab-encoders/${name}.yaml`), 'utf8'));
    const path = join(dir, 'rows', name === 'nli' ? 'claims.jsonl' : 'retrieval.jsonl');
    const split = { train: 40, validation: 8 };
    const file = join(dir, `${name}.yaml`);
    await writeFile(file, stringify({ ...whole, data: { ...whole.data, path }, split, batch, maxSteps: 3 }));
    const env = { FORGE_HOME: join(dir, `home-${name}`) };
    const { code, stdout, stderr } = await forge(['train', file, '--json'], { cwd: root, env });
    expect(stderr).not.toContain('forge:');
    expect(code).toBe(0);
    const { training, runs } = JSON.parse(stdout) as {
      training: TrainingRecord & { report: TrainingReport };
      runs: TrainingRunRecord[];
    };
    expect(training.report.data.counts).toEqual({ train: 40, validation: 8, test: 0 });
    const [run] = runs as [TrainingRunRecord];
    expect(run).toMatchObject({ status: 'finished', step: 3 });
    expect(run.artifacts.map(({ kind }) => kind)).toEqual(['model', 'model-card']);
    const model = join(run.folder ?? '', 'model');
    expect((await stat(join(model, 'onnx/model.onnx'))).size).toBe(run.artifacts[0]?.sizeBytes);
    // What the file starts from gives shape and tokenizer; the result says the same of itself as the bundled model.
    for (const one of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
      const bundled = await readFile(join(root, 'models/lab-encoders', name, one), 'utf8');
      expect(JSON.parse(await readFile(join(model, one), 'utf8'))).toEqual(JSON.parse(bundled));
    }
    const card = await readFile(join(model, 'README.md'), 'utf8');
    expect(card).toContain('library_name: transformers.js');
  },
  120_000,
);
