import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { isBenchmarkText, matrixExperiment, parseBenchmark } from './load-benchmark.ts';

const base = `version: 1
name: test
dataset: { name: lab-world, split: arithmetic }
engine: { name: llama-cpp, model: m.gguf }
methods:
  naive: { method: naive }
  cot: { method: chain-of-thought, sampling: { maxTokens: 99 } }
optimisations:
  baseline: { engine: { batch: 1 } }
  batching: { engine: { batch: 16 } }
`;

function errorOf(text: string): string {
  try {
    parseBenchmark('test.yaml', text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('no error');
}

describe('parseBenchmark', () => {
  it('makes a cell of each method, optimisation and repetition, later layers over earlier ones', () => {
    const { spec } = parseBenchmark('test.yaml', `${base}seed: 7\n`);
    expect(spec.cells).toHaveLength(2 * 2 * 3);
    const at = spec.cells.findIndex(
      (cell) => cell.method === 'cot' && cell.optimisation === 'batching' && cell.repetition === 2,
    );
    expect(spec.variants[at]).toMatchObject({
      variant: 'cot / batching #2',
      group: 'cot / batching',
      seed: 8,
      cache: false,
      engine: { name: 'llama-cpp', options: { model: 'm.gguf', batch: 16 } },
      method: { name: 'chain-of-thought' },
      sampling: { maxTokens: 99 },
    });
    // Each round has every cell once and begins with another one.
    const rounds = [1, 2, 3].map((r) => spec.cells.filter(({ repetition }) => repetition === r));
    expect(new Set(rounds.map(([first]) => `${first?.method} ${first?.optimisation}`)).size).toBe(3);
    for (const round of rounds) expect(new Set(round.map((c) => `${c.method} ${c.optimisation}`)).size).toBe(4);
    expect(spec.baseline).toBe('baseline');
    expect(spec.compare).toEqual({ metric: 'exact-match', alpha: 0.05, margin: 0.05 });
  });

  it('becomes an experiment whose runs are the cells', () => {
    const loaded = parseBenchmark('test.yaml', base);
    const { name, runs, config } = matrixExperiment(loaded);
    expect(name).toBe('test-matrix');
    expect(runs.map(({ variant }) => variant)).toEqual(loaded.spec.variants.map(({ variant }) => variant));
    expect(config.compare.baseline).toBe('naive / baseline');
  });

  it('reads loads, and takes the repetitions of the matrix', () => {
    const { spec } = parseBenchmark(
      'test.yaml',
      `${base}repetitions: 2\nload: { optimisations: [batching], arrivals: [{ closed: 4 }, { poisson: 2.5 }, { trace: [0, 5] }] }\n`,
    );
    expect(spec.load).toMatchObject({
      optimisations: ['batching'],
      method: 'naive',
      repetitions: 2,
      arrivals: [
        { kind: 'closed', concurrency: 4 },
        { kind: 'poisson', perSecond: 2.5 },
        { kind: 'trace', atMs: [0, 5] },
      ],
    });
  });

  it.each([
    [
      'unknown option of an engine',
      base.replace('batch: 16', 'batsh: 16'),
      'test.yaml:10: optimisations.batching.engine.batsh: unknown key.',
    ],
    [
      'value out of bounds',
      base.replace('batch: 16', 'batch: 0'),
      'test.yaml:10: optimisations.batching.engine.batch: 0 is not allowed',
    ],
    [
      'server that is not there',
      base.replace('batching: {', 'batching: { server: vlm,'),
      'test.yaml:10: optimisations.batching.server: unknown server "vlm". Known: none',
    ],
    [
      'unknown baseline',
      `${base}compare: { baseline: batchin }\n`,
      'compare.baseline: unknown optimisation "batchin". Did you mean "batching"?',
    ],
    ['unknown metric', `${base}compare: { metric: f2 }\n`, 'compare.metric: unknown metric "f2".'],
    [
      'goal of nothing',
      `${base}goal: { optimisation: all, speedUp: 4 }\n`,
      'goal.optimisation: unknown optimisation "all". Known: baseline, batching',
    ],
    [
      'trace that goes back',
      `${base}load: { arrivals: [{ trace: [0, 9, 4] }] }\n`,
      'load.arrivals.0.trace: 4 comes after 9',
    ],
    [
      'no optimisations',
      base.replace(/optimisations:[\s\S]*/, 'optimisations: {}\n'),
      'optimisations: {} is not allowed: names no optimisation',
    ],
    [
      'too many cells',
      `${base}repetitions: 100\n`.replace(
        'naive: {',
        `${Array.from({ length: 20 }, (_, i) => `m${i}: { method: naive }`).join('\n  ')}\n  naive: {`,
      ),
      'at most 2000',
    ],
  ])('refuses %s', (_, text, message) => expect(errorOf(text)).toContain(message));

  it('tells benchmark files from others', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const read = (file: string) => readFileSync(join(root, 'experiments', file), 'utf8');
    expect(isBenchmarkText(read('bench-lab.yaml'))).toBe(true);
    expect(isBenchmarkText(read('quickstart.yaml'))).toBe(false);
    expect(isBenchmarkText('a: [')).toBe(false);
  });
});
