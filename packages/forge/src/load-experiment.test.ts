import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { corpusJsonSchema, experimentJsonSchema, findingsJsonSchema } from './json-schemas.ts';
import { parseExperiment } from './load-experiment.ts';

const base = `version: 1
name: test
dataset: { name: lab-world, split: arithmetic }
engine: { name: scripted, default: 'x' }
method: naive
`;

function errorOf(text: string): string {
  try {
    parseExperiment('test.yaml', text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('no error');
}

describe('parseExperiment', () => {
  it('fills every default in', () => {
    const { spec } = parseExperiment('test.yaml', base);
    expect(spec.variants).toHaveLength(1);
    const [variant] = spec.variants;
    expect(variant).toMatchObject({
      variant: 'naive',
      sample: null,
      seed: 0,
      cache: true,
      sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 256, stop: [] },
      dataset: { name: 'lab-world', options: { split: 'arithmetic', part: 'test' } },
    });
    expect(variant?.method.options.template).toContain('{question}');
    expect(spec.compare).toEqual({ baseline: 'naive', metric: 'exact-match', alpha: 0.05, minimumEffect: 0.05 });
  });

  it('takes a rule for stopping early, and says where none can hold', () => {
    const two = `${base.replace('method: naive\n', '')}matrix: { method: [naive, chain-of-thought] }\n`;
    const stop = (more: string, over = 'compare: { stop: { when: settled } }') => errorOf(`${two}${more}${over}\n`);
    const { compare } = parseExperiment('test.yaml', `${two}compare: { stop: { when: settled, every: 10 } }\n`).spec;
    expect(compare).toMatchObject({ baseline: 'naive', stop: { atLeast: 50, every: 10 } });
    expect(parseExperiment('test.yaml', two).spec.compare).not.toHaveProperty('stop');

    expect(errorOf(`${base}compare: { stop: { when: settled } }\n`)).toBe(
      'test.yaml:6: compare.stop: there is one variant, and nothing to compare it with; add one, or remove stop',
    );
    expect(stop('variants: { few: { sample: 10 }, many: { sample: 20 } }\n')).toMatch(
      /compare.stop: variants "few naive" and "many naive" have other examples; give all variants the same/,
    );
    expect(stop('metrics: [answer-length]\n')).toMatch(
      /compare.stop: "answer-length" counts tokens, which have no bounds; it needs a metric with scores from 0 to 1/,
    );
    expect(stop('', 'compare: { stop: { when: early } }')).toMatch(/compare.stop.when: "early" is not allowed/);
    expect(stop('', 'compare: { stop: { when: settled, atleast: 3 } }')).toContain('Did you mean "atLeast"?');
  });

  it('hashes what is meant, not how it is written', () => {
    const plain = parseExperiment('a.yaml', base).configHash;
    expect(
      parseExperiment('b.yaml', `# a comment\n${base.replace('method: naive', 'method: { name: naive }')}`).configHash,
    ).toBe(plain);
    expect(parseExperiment('c.yaml', `${base}seed: 1\n`).configHash).not.toBe(plain);
  });

  it('multiplies variants by the matrix and groups repeats', () => {
    const { spec } = parseExperiment(
      'test.yaml',
      `${base}variants:
  short: { sampling: { maxTokens: 8 } }
  long: { sampling: { maxTokens: 64 } }
matrix:
  method: [naive, { name: chain-of-thought, samples: 3 }]
  seed: [1, 2]
`,
    );
    expect(spec.variants.map((variant) => variant.variant)).toEqual([
      'short naive seed=1',
      'short naive seed=2',
      'short chain-of-thought seed=1',
      'short chain-of-thought seed=2',
      'long naive seed=1',
      'long naive seed=2',
      'long chain-of-thought seed=1',
      'long chain-of-thought seed=2',
    ]);
    expect(new Set(spec.variants.map((variant) => variant.group)).size).toBe(4);
    expect(spec.variants[7]).toMatchObject({
      seed: 2,
      sampling: { maxTokens: 64 },
      method: { options: { samples: 3 } },
    });
    expect(spec.compare.baseline).toBe('short naive');
  });

  it('varies one option of a component over the shared ones', () => {
    const { spec } = parseExperiment('test.yaml', `${base}matrix:\n  engine.latencyMs: [0, 5]\n`);
    expect(spec.variants.map((variant) => variant.engine.options.latencyMs)).toEqual([0, 5]);
    expect(spec.variants.map((variant) => variant.engine.options.default)).toEqual(['x', 'x']);
  });

  it.each([
    ['an unknown key', `${base}sampel: 3\n`, ['test.yaml:6', 'sampel', 'unknown key', 'Did you mean "sample"?']],
    [
      'an unknown method',
      base.replace('naive', 'niave'),
      ['test.yaml:5', 'niave', 'Did you mean "naive"?', 'chain-of-thought'],
    ],
    ['an unknown dataset', base.replace('lab-world', 'lab-word'), ['test.yaml:3', 'lab-word', 'lab-world', 'gsm8k']],
    [
      'an unknown option',
      base.replace('default:', 'defualt:'),
      ['test.yaml:4', 'engine.defualt', 'Did you mean "default"?'],
    ],
    ['a wrong type', `${base}sample: many\n`, ['test.yaml:6', 'sample', '"many"']],
    ['a value out of range', `${base}sampling:\n  temperature: 9\n`, ['test.yaml:7', 'sampling.temperature', '9']],
    ['an unknown sampling key', `${base}sampling: { temprature: 1 }\n`, ['test.yaml:6', 'temprature', 'temperature']],
    [
      'a wrong option value in a variant',
      `${base}variants:\n  a:\n    method:\n      name: chain-of-thought\n      samples: 0\n`,
      ['test.yaml:10', 'samples', '0'],
    ],
    [
      'a wrong option value in the matrix',
      `${base}matrix:\n  method:\n    - naive\n    - { name: naive, shots: -1 }\n`,
      ['test.yaml:9', 'shots', '-1'],
    ],
    [
      'a matrix key that cannot vary',
      `${base}matrix: { colour: [1] }\n`,
      ['test.yaml:6', 'colour', 'cannot be varied'],
    ],
    ['a missing engine', base.replace(/engine.*\n/, ''), ['engine', 'is missing', 'llama-cpp']],
    [
      'a component without a name',
      base.replace('method: naive', 'method: { shots: 1 }'),
      ['test.yaml:5', 'method', 'has no name'],
    ],
    ['a null component', base.replace('method: naive', 'method:'), ['test.yaml:5', 'method']],
    [
      'an unknown baseline',
      `${base}compare: { baseline: other }\n`,
      ['test.yaml:6', 'compare.baseline', 'other', 'naive'],
    ],
    ['a metric that is not measured', `${base}compare: { metric: f2 }\n`, ['test.yaml:6', 'compare.metric', 'f2']],
    ['another version', base.replace('version: 1', 'version: 2'), ['test.yaml:1', 'version', '2']],
    ['broken YAML', `${base}variants: [\n`, ['test.yaml:', 'broken YAML']],
    ['a key given twice', `${base}name: again\n`, ['test.yaml:6', 'broken YAML', 'unique']],
    ['a list', '- 1\n', ['test.yaml:1']],
    ['an empty file', '', ['test.yaml']],
    [
      'too many combinations',
      `${base}matrix: { seed: [${Array.from({ length: 100 }, (_, i) => i).join()}], sample: [${Array.from({ length: 99 }, (_, i) => i + 1).join()}] }\n`,
      ['9900 combinations', '1000'],
    ],
  ])('refuses %s with file, line, key, value and what is known', (_title, text, parts) => {
    const message = errorOf(text);
    for (const part of parts) expect(message).toContain(part);
  });

  it('refuses a YAML bomb quickly', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`)
      .join('\n')}\n`;
    const started = performance.now();
    expect(errorOf(bomb)).toContain('alias');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('does not let a key reach a prototype', () => {
    expect(errorOf(`${base}__proto__: { polluted: true }\n`)).toContain('__proto__');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('the JSON Schema for editors', () => {
  it.each([
    ['experiment.schema.json', experimentJsonSchema()],
    ['corpus.schema.json', corpusJsonSchema()],
    ['findings.schema.json', findingsJsonSchema()],
  ])('%s is as generated: write it anew with `npm run generate`', (name, schema) => {
    const file = new URL(`../${name}`, import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });
});
