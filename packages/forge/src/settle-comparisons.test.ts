import { describe, expect, it } from 'vitest';
import { createRandom } from './lib/random.ts';
import { createSettling, type StoppingCompare } from './settle-comparisons.ts';

const compare: StoppingCompare = {
  baseline: 'a',
  metric: 'm',
  alpha: 0.05,
  minimumEffect: 0.05,
  stop: { atLeast: 10, every: 5 },
};
const run = (group: string, id = group, failed = false) => ({ id, group, failed });
const order = Array.from({ length: 200 }, (_, i) => (i * 7) % 200);
const score = (index: number, value: number) => ({ index, scores: { m: value } });

/** Does what it is asked for until nothing is left: rows of each run. */
function play(
  runs: ReturnType<typeof run>[],
  scoreOf: (id: string, row: number) => number,
  shuffle = (rows: number[]) => rows,
) {
  const settling = createSettling(runs, order, compare);
  const rows = new Map<string, number>(runs.map(({ id }) => [id, 0]));
  for (let block = settling.next(); block !== null; block = settling.next()) {
    for (const { id, group } of runs.filter((one) => block?.open.has(one.group))) {
      for (const row of shuffle([...block.rows])) settling.add(id, score(row, scoreOf(id, row)));
      rows.set(id, (rows.get(id) ?? 0) + block.rows.length);
      expect(group).toBe(id.slice(0, 1));
    }
  }
  return Object.fromEntries(rows);
}

describe('createSettling', () => {
  const noisy = (id: string, row: number) => ((row * 31 + id.charCodeAt(0) * 17) % 10 < (id === 'a' ? 3 : 8) ? 1 : 0);

  it('gives the same answer in whatever order the examples of a block end', () => {
    const random = createRandom('order of completion');
    const runs = [run('a'), run('b'), run('c')];
    const inOrder = play(runs, noisy);
    expect(inOrder.b).toBeLessThan(200);
    for (let i = 0; i < 5; i++)
      expect(play(runs, noisy, (rows) => rows.sort(() => random.next() - 0.5))).toEqual(inOrder);
  });

  it('looks after the first block and then after every further one, at whole blocks only', () => {
    const settling = createSettling([run('a'), run('b')], order, compare);
    expect(settling.next()?.rows).toEqual(order.slice(0, 10));
    for (const row of order.slice(0, 10)) settling.add('a', score(row, 0));
    for (const row of order.slice(0, 9)) settling.add('b', score(row, row % 2));
    expect(settling.next()?.rows).toEqual(order.slice(0, 10));
    settling.add('b', score(order[9] as number, 0));
    expect(settling.next()?.rows).toEqual(order.slice(10, 15));
  });

  it('leaves out a variant that cannot be done, and goes on without a look where that is the baseline', () => {
    expect(play([run('a'), run('b'), run('c', 'c', true)], noisy)).toMatchObject({ c: 0 });
    expect(play([run('a', 'a', true), run('b'), run('c')], noisy)).toEqual({ a: 0, b: 200, c: 200 });
  });

  it('refuses scores outside 0 to 1', () => {
    const settling = createSettling([run('a'), run('b')], order, compare);
    expect(() => settling.add('a', score(3, 1.5))).toThrow(
      'compare.stop: m is 1.5 at row 3; it needs scores from 0 to 1',
    );
  });
});
