import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  addVariant,
  keysNotInForm,
  minimalSource,
  readDocument,
  removeVariant,
  renameVariant,
  setComponent,
  setMetric,
  setOption,
  setValue,
} from './experiment-document.ts';

const folder = new URL('../../../experiments/', import.meta.url);
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const);

const source = `# the file's comment
version: 1
name: try # short
dataset: { name: lab-world, split: arithmetic }
engine:
  name: llama-cpp
  model: a.gguf # the model
# why these
metrics: [numeric-match]
variants:
  # the plain one
  naive:
    method: naive
  thinking:
    method: { name: chain-of-thought, shots: 2 }
matrix:
  seed: [1, 2]
compare:
  baseline: naive
`;

describe('an edit', () => {
  it.each(examples)('of %s changes only its own line', (_, text) => {
    const edited = setValue(text, ['name'], 'another');
    expect(edited).toBe(text.replace(/^name: .*$/m, 'name: another'));
  });

  it('keeps comments, order and flow style', () => {
    expect(setValue(source, ['name'], 'other')).toBe(source.replace('name: try', 'name: other'));
    expect(setOption(source, ['dataset'], ['split'], 'reading')).toBe(source.replace('arithmetic', 'reading'));
    expect(setOption(source, ['engine'], ['model'], 'b.gguf')).toBe(source.replace('a.gguf', 'b.gguf'));
  });

  it('puts a new key where such a key stands', () => {
    expect(setValue(source, ['description'], 'Why?')).toContain('name: try # short\ndescription: Why?\ndataset:');
    expect(setValue(source, ['sampling', 'temperature'], 0.7)).toContain(
      'sampling:\n  temperature: 0.7\n# why these\nmetrics:',
    );
  });

  it('quotes a text that would be read as something else, and keeps line breaks', () => {
    expect(parse(setValue(source, ['name'], '12')).name).toBe('12');
    expect(setValue(setValue(source, ['name'], ''), ['name'], 'try')).toBe(source);
    expect(parse(setValue(source, ['description'], 'a: b\n# c')).description).toBe('a: b\n# c');
    expect(parse(setOption(source, ['dataset'], ['split'], 'a\n\nb')).dataset.split).toBe('a\n\nb');
    expect(parse(setValue('name: "7"\nsample: 3\n', ['sample'], 'many')).sample).toBe('many');
  });

  it('keeps the spacing of other lines', () => {
    const spaced = 'name:   a\n\nmetrics: [ f1,contains ]\nmatrix:\n    seed: [1,2]   # three\n';
    expect(setValue(spaced, ['name'], 'b')).toBe(spaced.replace('  a', 'b'));
  });

  it('removes maps that are left empty', () => {
    const sampled = setValue('name: a\n', ['sampling', 'topK'], 4);
    expect(setValue(sampled, ['sampling', 'topK'], undefined)).toBe('name: a\n');
  });

  it('writes into nothing and into aliases', () => {
    expect(parse(setValue('', ['name'], 'a'))).toEqual({ name: 'a' });
    expect(parse(setValue('variants:\n', ['variants', 'a', 'method'], 'naive'))).toEqual({
      variants: { a: { method: 'naive' } },
    });
    const aliased = 'engine: &e { name: x, model: m }\nvariants: { a: { engine: *e } }\n';
    expect(parse(setOption(aliased, ['variants', 'a', 'engine'], ['model'], 'n'))).toEqual({
      engine: { name: 'x', model: 'm' },
      variants: { a: { engine: { name: 'x', model: 'n' } } },
    });
  });

  it('leaves a broken text alone', () => {
    const broken = 'name: [a\nb: c';
    expect(setValue(broken, ['name'], 'x')).toBe(broken);
    expect(addVariant(broken, ['naive'])).toBe(broken);
    const read = readDocument(broken);
    expect(read.ok).toBe(false);
    expect(readDocument('a: 1\nb: {\n')).toMatchObject({ ok: false });
    expect(readDocument('a: 1\n b: 2\n')).toMatchObject({ ok: false, line: expect.any(Number) });
    expect(readDocument('- a')).toMatchObject({ ok: false, message: 'must be keys with values' });
  });
});

describe('components', () => {
  it('take the long form with options and the short one without', () => {
    const long = setOption(source, ['variants', 'naive', 'method'], ['shots'], 3);
    expect(parse(long).variants.naive.method).toEqual({ name: 'naive', shots: 3 });
    const short = setOption(long, ['variants', 'naive', 'method'], ['shots'], undefined);
    expect(short).toBe(source);
  });

  it('start without options under another name', () => {
    expect(parse(setComponent(source, ['engine'], 'scripted')).engine).toBe('scripted');
    expect(setComponent(source, ['engine'], 'llama-cpp')).toBe(source);
    expect(parse(setComponent(source, ['variants', 'thinking', 'method'], undefined)).variants.thinking).toEqual({});
  });

  it('may have options without a name, over the shared ones', () => {
    const text = setOption(source, ['variants', 'naive', 'engine'], ['batch'], 2);
    expect(parse(text).variants.naive).toEqual({ method: 'naive', engine: { batch: 2 } });
    expect(setOption(text, ['variants', 'naive', 'engine'], ['batch'], undefined)).toBe(source);
  });

  it('nest options', () => {
    const text = setOption(source, ['dataset'], ['columns', 'id'], 'key');
    expect(parse(text).dataset).toEqual({ name: 'lab-world', split: 'arithmetic', columns: { id: 'key' } });
  });
});

describe('metrics', () => {
  it('are added and removed', () => {
    const two = setMetric(source, 'f1', true);
    expect(two).toContain('metrics: [numeric-match, f1]');
    expect(parse(setMetric(two, 'numeric-match', false)).metrics).toEqual(['f1']);
    expect(parse(setMetric(source, 'numeric-match', false)).metrics).toBeUndefined();
    expect(parse(setMetric('name: a\n', 'f1', true)).metrics).toEqual(['f1']);
  });
});

describe('variants', () => {
  it('are renamed in their place, with the baseline', () => {
    const text = renameVariant(source, 'naive', 'plain');
    expect(text).toBe(source.replace('  naive:', '  plain:').replace('baseline: naive', 'baseline: plain'));
    expect(renameVariant(source, 'naive', 'thinking')).toBeUndefined();
    expect(renameVariant(source, 'naive', ' ')).toBeUndefined();
  });

  it('take the shared method over and give it back', () => {
    const shared = 'name: a\nmethod: { name: naive, shots: 1 }\n';
    const text = addVariant(shared, ['naive', 'chain-of-thought']);
    expect(parse(text)).toEqual({
      name: 'a',
      variants: { naive: { method: { name: 'naive', shots: 1 } }, 'chain-of-thought': { method: 'chain-of-thought' } },
    });
    const one = removeVariant(text, 'chain-of-thought');
    expect(parse(removeVariant(one, 'naive'))).toEqual(parse(shared));
  });

  it('get a name of their own', () => {
    const text = addVariant(minimalSource, ['naive', 'chain-of-thought']);
    expect(Object.keys(parse(text).variants)).toEqual(['naive', 'chain-of-thought', 'naive-2']);
  });

  it('may be called by a number', () => {
    const text = setComponent('variants:\n  1: { method: naive }\n', ['variants', '1', 'method'], 'f');
    expect(text).toBe('variants:\n  1: { method: f }\n');
    expect(renameVariant(text, '1', '2')).toBe('variants:\n  "2": { method: f }\n');
  });

  it('leave no baseline behind', () => {
    expect(parse(removeVariant(source, 'naive')).compare).toBeUndefined();
  });
});

it('names what the form does not show', () => {
  expect(keysNotInForm(parse(source))).toEqual(['matrix']);
  expect(keysNotInForm({ cache: false, variants: { a: { seed: 1 } }, compare: { alpha: 0.1 } })).toEqual([
    'cache',
    'variants.a.seed',
    'compare.alpha',
  ]);
});
