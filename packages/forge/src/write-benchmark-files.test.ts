import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'htmlparser2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exampleBenchmark, exampleBenchmarkReport } from './testing/example-benchmarks.ts';
import { writeBenchmarkFiles } from './write-benchmark-files.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-files-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const report = exampleBenchmarkReport([]);
const benchmark = { id: 'b-1', createdAt: 5, report, ...exampleBenchmark('bench', 'e-1') };

/** The titles of what is drawn: a mark or a cell each, the picture's own first. */
const titlesOf = async (file: string) => {
  const svg = await readFile(join(dir, file), 'utf8');
  expect(svg).not.toMatch(/NaN|Infinity|undefined|https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
  const titles: string[] = [];
  const visit = ({ name, children = [] }: { name?: string; children?: unknown[] }): void => {
    if (name === 'title') titles.push((children[0] as { data: string }).data);
    for (const child of children) visit(child as Parameters<typeof visit>[0]);
  };
  visit(parseDocument(svg, { xmlMode: true }) as { children: unknown[] });
  return titles;
};

it('writes report, data and figures', async () => {
  await writeBenchmarkFiles(join(dir), benchmark, report);
  expect((await readdir(dir)).toSorted()).toEqual([
    'load.svg',
    'pareto.svg',
    'report.json',
    'report.md',
    'speed-up.svg',
  ]);
  expect(JSON.parse(await readFile(join(dir, 'report.json'), 'utf8'))).toMatchObject({
    name: 'bench',
    configHash: 'h',
    report,
  });
  const markdown = await readFile(join(dir, 'report.md'), 'utf8');
  for (const figure of ['speed-up.svg', 'pareto.svg', 'load.svg']) expect(markdown).toContain(`](${figure})`);
  expect(await titlesOf('speed-up.svg')).toHaveLength(1 + report.cells.length);
  expect(await titlesOf('speed-up.svg')).toContain(
    'rag with q4: 0.90 [0.81, 0.99] times as fast, 3.60/s, answers worse',
  );
  expect(await titlesOf('pareto.svg')).toHaveLength(1 + report.pareto.points.length);
  expect(await titlesOf('load.svg')).toHaveLength(1 + report.load.flatMap(({ points }) => points).length);
});

it('draws only what there is', async () => {
  const folder = join(dir, 'little');
  const little = { ...report, load: [], pareto: { ...report.pareto, points: [] } };
  await writeBenchmarkFiles(folder, benchmark, little);
  expect((await readdir(folder)).toSorted()).toEqual(['report.json', 'report.md', 'speed-up.svg']);
  expect(await readFile(join(folder, 'report.md'), 'utf8')).not.toContain('load.svg');
});
