import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { parseExperiment } from '../load-experiment.ts';
import { faultOf } from './plain-value.ts';
import { parseYamlSource } from './yaml-source.ts';

/** What was thrown; the parse must end within seconds, however slow the machine. */
function problemOf(text: string): string {
  const started = performance.now();
  try {
    parseYamlSource('x.yaml', text);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  } finally {
    expect(performance.now() - started).toBeLessThan(30_000);
  }
}

const laughs = Array.from({ length: 12 }, (_, i) =>
  i === 0 ? 'a0: &a0 [lol, lol]' : `a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`,
).join('\n');

describe('hostile YAML', () => {
  it.each([
    ['a billion laughs', laughs, /alias/i],
    ['brackets', '['.repeat(400_000), /deep/],
    ['closed brackets', '['.repeat(5000) + ']'.repeat(5000), /deep/],
    ['maps in maps', '{a: '.repeat(5000) + '}'.repeat(5000), /deep/],
    ['lists in a line', `${'- '.repeat(100_000)}x`, /deep/],
    ['questions in a line', `${'? '.repeat(50_000)}x`, /deep/],
    ['steps to the right', Array.from({ length: 900 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /deep/],
    ['lists under lists', Array.from({ length: 900 }, (_, i) => `${' '.repeat(i)}-`).join('\n'), /deep/],
    ['a hundred levels', `${'['.repeat(100)}${']'.repeat(100)}`, /nested more than 64 deep/],
    ['a hundred thousand values', `[${'1,'.repeat(150_000)}]`, /more than 100000 values/],
    ['two megabytes', 'a'.repeat(2_000_000), /a config may have/],
    ['__proto__', '__proto__: {polluted: 1}', /__proto__/],
    ['__proto__ below', 'a: [{b: {"__proto__": {polluted: 1}}}]', /__proto__/],
    ['a key twice', 'a: 1\nb: 2\na: 3', /x\.yaml:3:1: broken YAML: Map keys must be unique/],
    ['a key twice below', 'a: {b: 1, "b": 2}', /x\.yaml:1:11: broken YAML: Map keys must be unique/],
  ])(
    '%s end in an error that says so',
    (_what, text, message) => {
      expect(problemOf(text)).toMatch(message);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    },
    120_000,
  );

  it('many keys take time in proportion to their number', () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `key${i}: ${i}`).join('\n');
    const started = performance.now();
    parseYamlSource('x.yaml', text);
    // The parser's own comparison of every key with all before it takes 800 million steps: half a minute and more.
    expect(performance.now() - started).toBeLessThan(15_000);
  }, 120_000);

  it('a long text times many variants is refused before it fills the memory', () => {
    const source = JSON.stringify({
      version: 1,
      name: 'large',
      dataset: 'lab-world',
      engine: 'scripted',
      method: { name: 'naive', template: `{question}${'x'.repeat(500_000)}` },
      matrix: { seed: Array.from({ length: 100 }, (_, i) => i), sample: [1, 2, 3, 4] },
    });
    expect(() => parseExperiment('x.yaml', source)).toThrow(/million characters together/);
  }, 120_000);

  it('any text gives a value or a ConfigError', () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      '&x ',
      '*x',
      '? ',
      '!!js/function ',
      '<<: ',
      '"',
      "'",
      '|',
      '>',
      '#',
      '%',
      '---',
      '\t',
      '\0',
      '\ud800',
      '__proto__',
      '~',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (text) => {
          problemOf(text);
          expect(Object.keys(Object.prototype)).toEqual([]);
        },
      ),
      { numRuns: 3000, interruptAfterTimeLimit: 8000 },
    );
  }, 60_000);

  it('any experiment of odd keys is refused by a ConfigError, and pollutes nothing', () => {
    const key = fc.constantFrom(
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'name',
      'dataset',
      'engine',
      'method',
      'variants',
      'matrix',
      'metrics',
      'engine.__proto__',
      'method.constructor',
      'sampling',
      'a',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(1, null, 'naive', 'constructor', '__proto__', true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }));
    const base = { version: 1, name: 'x', dataset: 'lab-world', engine: 'scripted', method: 'naive' };
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 5 }), (over) => {
        const text = JSON.stringify({ ...base, ...over });
        try {
          parseExperiment('x.yaml', text);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: 1500, interruptAfterTimeLimit: 8000 },
    );
  }, 60_000);
});

describe('faultOf', () => {
  it('walks without calling itself, and counts', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(faultOf(deep)).toMatch(/deep/);
    expect(faultOf(Array.from({ length: 200_000 }, () => 1))).toMatch(/values/);
    expect(faultOf(JSON.parse('{"a":{"__proto__":1}}'))).toMatch(/__proto__/);
    expect(faultOf({ constructor: 1, a: [null, 'x', { b: 1 }] })).toBeUndefined();
  });
});
