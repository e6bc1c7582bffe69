import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckedFinding } from '../check-finding.ts';
import { loadFindings } from '../findings-schema.ts';
import { checkedFindingText } from '../findings-text.ts';
import { forge as start } from '../testing/forge-process.ts';
import { type FindingSource, loadSource } from './measure-finding.ts';

let dir: string;
const forge = (...args: string[]) => start(args, { cwd: dir });
const check = async (...args: string[]) => {
  const { code, stdout, stderr } = await forge('findings', 'check', ...args, '--json');
  return { code, stderr, checked: stdout === '' ? [] : (JSON.parse(stdout) as CheckedFinding[]) };
};

const experiment = `version: 1
name: capitals
dataset: { name: json-lines, path: capitals.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: Paris }
metrics: [exact-match]
variants:
  good: { method: naive, engine: { responses: [{ match: Italy, text: Rome }] } }
  half: { method: naive }
  faulty: { method: naive, engine: { default: Lyon, failEvery: 4, failKind: bad-request } }
`;
const finding = (claims: readonly string[], plan = 'n: 60') => `version: 1
name: capitals
question: Does knowing Rome help?
experiment: capitals.yaml
claims:
${claims.map((claim) => `  - '${claim}'`).join('\n')}
plan: { ${plan} }
`;
const write = (name: string, text: string) => writeFile(join(dir, name), text);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-findings-'));
  const rows = Array.from({ length: 60 }, (_, i) => {
    const [country, answer] = i % 2 === 0 ? ['France', 'Paris'] : ['Italy', 'Rome'];
    return `${JSON.stringify({ question: `Capital of ${country}, ${i}?`, answer })}\n`;
  });
  await write('capitals.jsonl', rows.join(''));
  await write('capitals.yaml', experiment);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('forge findings check', () => {
  it('runs what is not stored yet, and gives a verdict with its evidence', async () => {
    await write('x.yaml', finding(['exact-match(good) - exact-match(half) > 20 points', 'exact-match(good) > 0.8']));
    const first = await check('x.yaml');
    expect(first.code).toBe(0);
    expect(first.checked[0]).toMatchObject({ verdict: 'supported', departures: [], level: 0.975 });
    expect(first.checked[0]?.claims[0]).toMatchObject({ verdict: 'supported', n: 60, estimate: { value: 0.5 } });
    const again = await check('x.yaml');
    expect(again.checked).toEqual(first.checked);
    const anew = await check('x.yaml', '--rerun');
    expect(anew.checked[0]?.measured.id).not.toBe(first.checked[0]?.measured.id);
    expect(anew.checked[0]?.claims).toEqual(first.checked[0]?.claims);
    const { stdout } = await forge('findings', 'check', 'x.yaml');
    expect(stdout).toContain('yes  exact-match(good) - exact-match(half) > 20 points: 50.0 points, 97.5 % interval');
  });

  it('gates: 4 where a claim is refuted or the plan was not kept, 5 where more examples are needed', async () => {
    await write('refuted.yaml', finding(['exact-match(half) - exact-match(good) > 0']));
    expect(await check('refuted.yaml')).toMatchObject({ code: 4, checked: [{ verdict: 'refuted' }] });
    await write('open.yaml', finding(['exact-match(good) - exact-match(half) > 45 points']));
    const open = await check('open.yaml');
    expect(open).toMatchObject({ code: 5, checked: [{ verdict: 'inconclusive' }] });
    expect(open.checked[0]?.claims[0]?.neededN).toBeGreaterThan(60);
    await write('planned.yaml', finding(['exact-match(good) > 0.5'], 'n: 100'));
    expect(await check('planned.yaml')).toMatchObject({
      code: 4,
      checked: [{ verdict: 'supported', departures: ['good: 60 examples, planned 100'] }],
    });
    await write('failed.yaml', finding(['exact-match(faulty) < 0.9']));
    const { checked } = await check('failed.yaml');
    expect(checked[0]?.departures).toEqual(['faulty: 15 of 60 examples failed, planned at most 2 %']);
  });

  it('holds claims about a run that may stop early against intervals that allow it, and tells where the plan did not', async () => {
    const stop = 'compare: { baseline: half, stop: { when: settled, atLeast: 10, every: 5 } }\n';
    await write(
      'stopping.yaml',
      `${experiment.replace('name: capitals', 'name: stopping')}${stop}`.replace(/ {2}faulty.*\n/, ''),
    );
    const about = (claims: readonly string[], plan: string) =>
      finding(claims, plan).replace('capitals.yaml', 'stopping.yaml');
    const claims = ['exact-match(good) - exact-match(half) > 0', 'exact-match(good) > 0.6'];
    await write('sequential.yaml', about(claims, 'n: 60, sequential: true'));
    const kept = await check('sequential.yaml');
    expect(kept.code).toBe(0);
    const [first] = kept.checked[0]?.claims ?? [];
    expect(first).toMatchObject({ estimate: { method: 'hedged-capital', level: 0.975 } });
    expect(first?.n).toBeLessThan(60);
    expect(checkedFindingText(kept.checked[0] as CheckedFinding)).toContain('97.5 % anytime-valid interval');

    await write('fixed.yaml', about(claims, 'n: 60'));
    const fixed = await check('fixed.yaml');
    expect(fixed).toMatchObject({ code: 4, checked: [{ verdict: 'supported' }] });
    expect(fixed.checked[0]?.departures[0]).toMatch(
      /good: \d\d examples, planned 60 \(stopped early; a plan that allows it/,
    );
    expect(fixed.checked[0]?.claims).toEqual(kept.checked[0]?.claims);
    await write('longer.yaml', about(claims, 'n: 100, sequential: true'));
    expect((await check('longer.yaml')).checked[0]?.departures[0]).toBe('good: 60 examples at most, planned 100');
    await write('unbounded.yaml', about(['tokens(good) < 100'], 'n: 60, sequential: true'));
    expect(await check('unbounded.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('claims: "tokens" has no bounds'),
    });
  });

  it.each([
    [/claims: the experiment has no variant "best". Known variants: good, half, faulty/, finding(['f1(best) > 0'])],
    [/claims: variant "good" has no "f1". Known: exact-match, latency-ms, tokens/, finding(['f1(good) > 0'])],
    [/broken.yaml:6: claim "f1 > 0": cannot be read/, finding(['f1 > 0'])],
    [/broken.yaml:7: plan.m: unknown key/, finding(['f1(good) > 0'], 'n: 60, m: 1')],
    [
      /broken.yaml: names experiment and benchmark of experiment, training and benchmark; it must name one/,
      `${finding(['f1(good) > 0'])}benchmark: speed.yaml\n`,
    ],
  ])('says what is wrong: %s', async (message, text) => {
    await write('broken.yaml', text);
    const { code, stderr } = await check('broken.yaml');
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

it('holds claims against the cells of a benchmark, speeds over repetitions', async () => {
  await write(
    'speed.yaml',
    `version: 1
name: speed
dataset: { name: json-lines, path: capitals.jsonl, columns: { question: question, answer: answer } }
sample: 40
engine: { name: scripted, default: Paris, latencyMs: 25 }
metrics: [exact-match]
methods: { naive: { method: naive } }
optimisations:
  baseline: { engine: { concurrency: 1 } }
  together: { engine: { concurrency: 8 } }
repetitions: 3
`,
  );
  const text = finding(
    [
      'examples-per-second(naive / together) / examples-per-second(naive / baseline) > 1',
      '|exact-match(naive / together) - exact-match(naive / baseline)| < 20 points',
    ],
    'n: 40',
  ).replace('experiment: capitals.yaml', 'benchmark: speed.yaml');
  await write('speeds.yaml', text);
  const { code, checked } = await check('speeds.yaml');
  expect(checked[0]).toMatchObject({
    verdict: 'supported',
    departures: [],
    measured: { kind: 'benchmark', name: 'speed' },
  });
  expect(checked[0]?.claims.map(({ n }) => n)).toEqual([3, 40]);
  expect(code).toBe(0);
  expect((await check('speeds.yaml')).checked).toEqual(checked);
});

/** What claims can be about before anything has run. */
function variantsOf(source: FindingSource): string[] {
  if (source.kind === 'training')
    return source.loaded.spec.evaluation.experiments.flatMap(({ name }) => [`${name}: before`, `${name}: after`]);
  return source.loaded.spec.variants.map(({ group }) => group);
}

describe('findings of this repository', async () => {
  const folder = fileURLToPath(new URL('../../../../findings/', import.meta.url));
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  it.each(files)('%s speaks of variants that are measured', async (name) => {
    const spec = await loadFindings(join(folder, name));
    const source = await loadSource(spec.source.kind, join(folder, spec.source.file));
    const known = variantsOf(source);
    for (const { left, right } of spec.claims) {
      expect(known).toContain(left.variant);
      if (right !== null) expect(known).toContain(right.variant);
    }
    expect(await readFile(join(folder, name), 'utf8')).toContain(`name: ${name.replace('.yaml', '')}\n`);
  });
});
