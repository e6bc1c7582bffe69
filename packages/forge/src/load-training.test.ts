import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { trainingJsonSchema } from './json-schemas.ts';
import { parseExperiment } from './load-experiment.ts';
import { isTrainingText, parseTraining } from './load-training.ts';
import { evaluationExperiment } from './training-evaluations.ts';

const base = `version: 1
name: test
model: models/lab
data: { name: preference-json-lines, path: pairs.jsonl }
objective: { name: dpo }
`;

function errorOf(text: string): string {
  try {
    parseTraining('test.yaml', text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('no error');
}

const variantsOf = (text: string) => parseTraining('test.yaml', text).spec.runs.map((run) => run.variant);

describe('training files of the project', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const files = ['experiments', 'models/lab', 'models/lab-encoders'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(folder, name)),
  );
  const trainings = files.filter((file) => isTrainingText(readFileSync(join(root, file), 'utf8')));
  it('are there', () => expect(trainings).toContain(join('experiments', 'dpo-lab.yaml')));
  it.each(trainings)('%s is valid', (file) => {
    const { spec } = parseTraining(file, readFileSync(join(root, file), 'utf8'));
    expect(spec.runs.length).toBeGreaterThan(0);
  });
});

describe('parseTraining', () => {
  it('does not pass over an early stop that could never come', () => {
    expect(errorOf(`${base}split: { validation: 10 }\nearlyStop: { patience: 2 }\n`)).toBe(
      'test.yaml:7: earlyStop: looks at validation rows on the way: give evaluateEvery and split.validation too',
    );
    const whole = `${base}split: { validation: 10 }\nevaluateEvery: 5\nearlyStop: { patience: 2 }\n`;
    expect(variantsOf(whole)).toEqual(['seed=1']);
  });

  it('fills every default in', () => {
    const { spec } = parseTraining('test.yaml', base);
    expect(spec).toMatchObject({
      trainer: { name: 'native' },
      split: { train: null, validation: 0, test: 0, seed: 1 },
      outputs: { gguf: true, merged: false },
      push: null,
      evaluation: { experiments: [], ablation: [], ablationSample: null, engine: { model: null, batch: 8 } },
    });
    expect(spec.runs).toHaveLength(1);
    expect(spec.runs[0]).toMatchObject({
      variant: 'seed=1',
      group: 'main',
      main: true,
      trainRows: null,
      settings: { objective: { name: 'dpo', beta: 0.1 }, lora: { rank: 16, targets: ['q_proj', 'v_proj'] }, seed: 1 },
    });
  });

  it('measures held-out pairs by itself', () => {
    const { spec } = parseTraining('test.yaml', `${base}split: { test: 50 }\n`);
    expect(spec.evaluation.experiments.map((one) => one.name)).toEqual(['pairs']);
    expect(spec.evaluation.ablation).toEqual(['pairs']);
  });

  it.each([
    ['epoch: 1', 'test.yaml:6: epoch: unknown key. Did you mean "epochs"? Known keys: version, name'],
    ['trainer: nativ', 'test.yaml:6: trainer: unknown trainer "nativ". Did you mean "native"?'],
    ['split: { train: 0 }', 'test.yaml:6: split.train: 0 is not allowed'],
    ['seeds: [1, 1]', 'test.yaml:6: seeds: [1,1] is not allowed: names a seed twice'],
    ['optimizer: { learningRate: fast }', 'test.yaml:6: optimizer.learningRate: "fast" is not allowed'],
    [
      'ablation: { model: [a, b] }',
      'test.yaml:6: ablation.model: cannot be varied. Known keys: split.train, objective',
    ],
    ['ablation: { objective.beta: [0.1, -1] }', 'test.yaml:6: ablation.objective.beta: -1 is not allowed'],
    ['ablation: { objective.betta: [0.1] }', 'test.yaml:6: ablation.objective.betta: 0.1 is not allowed'],
    [
      'evaluation: { engine: { batchh: 8 } }',
      'test.yaml:6: evaluation.engine.batchh: unknown key. Did you mean "batch"?',
    ],
    ['evaluation: { engine: { lora: [] } }', 'test.yaml:6: evaluation.engine.lora: is set by forge train'],
    ['evaluation: { ablation: [nothing] }', 'test.yaml:6: evaluation.ablation: no evaluation "nothing"'],
    [
      'evaluation:\n  experiments:\n    - name: x\n      dataset: { name: lab-world, splitt: y }\n      method: naive',
      'test.yaml:9: evaluation.experiments.0.dataset.splitt: unknown key. Did you mean "split"?',
    ],
    [
      'evaluation:\n  experiments:\n    - { name: x, dataset: lab-world, method: naive }\n    - { name: x, dataset: lab-world, method: naive }',
      'test.yaml:9: evaluation.experiments: the name "x" is taken',
    ],
    [
      'evaluation:\n  experiments:\n    - name: x\n      dataset: lab-world\n      method: naive\n      metrics: [exact-match]\n      compare: { metric: f1 }',
      'test.yaml:12: compare.metric: "f1" is not measured here. Known metrics here: exact-match',
    ],
    [
      'evaluation:\n  experiments:\n    - name: x\n      dataset: lab-world\n      method: naive\n      preference: { judge: scripted, prompt: "{question} {first}" }',
      'test.yaml:11: preference.prompt: does not contain {second}',
    ],
  ])('%s', (lines, message) => expect(errorOf(`${base}${lines}\n`)).toContain(message));

  it('is told from an experiment by its objective', () => {
    expect(isTrainingText(base)).toBe(true);
    expect(isTrainingText(base.replace('objective', 'method'))).toBe(false);
    expect(isTrainingText('version: [1')).toBe(false);
  });

  it('has an up-to-date JSON Schema', () => {
    const stored = readFileSync(new URL('../training.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stored)).toEqual(JSON.parse(JSON.stringify(trainingJsonSchema())));
  });
});

describe('ablation', () => {
  const ablation = `${base}split: { train: 800 }\nseeds: [1, 2]\nablation: { objective.beta: [0.05, 0.1, 0.2], split.train: [200, 800] `;

  it('one at a time around the main setting, which comes first and once', () => {
    expect(variantsOf(`${ablation}}\n`)).toEqual([
      'beta=0.1, rows=800, seed=1',
      'beta=0.1, rows=800, seed=2',
      'beta=0.05, rows=800, seed=1',
      'beta=0.05, rows=800, seed=2',
      'beta=0.2, rows=800, seed=1',
      'beta=0.2, rows=800, seed=2',
      'beta=0.1, rows=200, seed=1',
      'beta=0.1, rows=200, seed=2',
    ]);
    const { runs } = parseTraining('test.yaml', `${ablation}}\n`).spec;
    expect(runs.filter((run) => run.main)).toHaveLength(2);
    expect(runs[3]).toMatchObject({
      group: 'beta=0.05, rows=800',
      varied: { beta: 0.05, rows: 800 },
      trainRows: 800,
      settings: { objective: { beta: 0.05 }, seed: 2 },
    });
    expect(runs[6]).toMatchObject({ trainRows: 200, settings: { objective: { beta: 0.1 } } });
  });

  it('as a grid, every combination', () => {
    const variants = variantsOf(`${ablation}, mode: grid }\n`);
    expect(variants).toHaveLength(12);
    expect(variants).toContain('beta=0.2, rows=200, seed=2');
  });

  it('keeps keys apart that end alike, and shows values that are no numbers', () => {
    const text = `${base}ablation: { optimizer.name: [muon], objective.name: [sft], lora.targets: [[q_proj], [k_proj, v_proj]] }\n`;
    expect(variantsOf(text).at(-1)).toBe(
      'optimizer.name=adamw, objective.name=dpo, targets=["k_proj","v_proj"], seed=1',
    );
  });

  it('splits as many training rows as the largest run takes', () => {
    expect(parseTraining('test.yaml', `${ablation}}\n`).spec.split.train).toBe(800);
    expect(parseTraining('test.yaml', `${base}ablation: { split.train: [200] }\n`).spec.split.train).toBeNull();
  });
});

describe('evaluation experiments', () => {
  it('are refused for encoders, which answer nothing', () => {
    const encoder = `${base}evaluation: { experiments: [{ name: a, dataset: lab-world, method: naive }] }\n`.replace(
      /objective: .*/,
      'objective: { name: listwise }',
    );
    expect(() => parseTraining('test.yaml', encoder)).toThrow(
      /test\.yaml:\d+: evaluation\.experiments: measure language models, and listwise trains an encoder/,
    );
  });

  const text = `${base}split: { test: 50 }
evaluation:
  engine: { batch: 4 }
  experiments:
    - name: arithmetic
      description: Direct answers
      dataset: { name: lab-world, split: arithmetic }
      sample: 20
      method: naive
      metrics: [numeric-match, exact-match]
`;
  it('are files that a person could have written', () => {
    const { spec } = parseTraining('test.yaml', text);
    const arms = ['before', 'after'].map((variant) => ({
      variant,
      group: variant,
      engine: { name: 'llama-cpp', options: { ...spec.evaluation.engine, model: 'base.gguf' } },
      trained: null,
    }));
    for (const evaluation of spec.evaluation.experiments) {
      const stored = evaluationExperiment(`test-${evaluation.name}`, evaluation, arms);
      const parsed = parseExperiment(`${evaluation.name}.yaml`, stored.source);
      expect(parsed.spec).toEqual(stored.config);
      expect(parsed.configHash).toBe(stored.configHash);
    }
  });
});
