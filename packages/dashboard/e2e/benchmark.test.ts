import { expect, it } from 'vitest';
import {
  exampleBenchmark,
  exampleBenchmarkReport,
  exampleCells,
  exampleLoads,
  exampleMeasurement,
  exampleUse,
} from '../../forge/src/testing/example-benchmarks.ts';
import { exampleProvenance } from '../../forge/src/testing/example-results.ts';
import { expectClean } from './page-checks.ts';
import { describeRecords } from './record-stage.ts';

const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>`;

const cellName = ({ method, optimisation, repetition }: (typeof exampleCells)[number]) =>
  `${method} / ${optimisation} #${repetition}`;

/** A run for each cell, as a benchmark has them; answered by a script. */
const matrixExperiment = `version: 1
name: bench-lab-matrix
dataset: { name: lab-world, split: arithmetic }
sample: 5
engine: { name: scripted, default: '7', concurrency: 5 }
metrics: [numeric-match]
method: naive
cache: false
variants:
${exampleCells.map((cell, i) => `  ${JSON.stringify(cellName(cell))}: { seed: ${i} }`).join('\n')}
`;

describeRecords('benchmarks in a browser', (stage) => {
  let benchmark: { id: string; experimentId: string; runIds: readonly string[] };

  /** Creates the matrix, and executes it where asked. */
  async function matrix(start: boolean): Promise<{ id: string; runs: { id: string; state: string }[] }> {
    const response = await fetch(`${stage.server.url}/api/experiments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: matrixExperiment, start }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Awaited<ReturnType<typeof matrix>>;
  }

  async function measure(id: string, from: number, to: number): Promise<void> {
    for (const { optimisation, arrivals, index } of exampleLoads.slice(from, to)) {
      for (const repetition of [1, 2]) {
        const measured = exampleMeasurement(optimisation, arrivals);
        const point = { kind: 'load' as const, optimisation, arrivals: index, repetition, measured };
        await stage.store.saveBenchmarkPoint(id, `load ${optimisation} ${index} ${repetition}`, point);
      }
    }
  }

  it('says how to begin where nothing is benchmarked', async () => {
    const { page, problems } = await stage.open('/benchmarks');
    await page.getByText('Nothing has been benchmarked yet').waitFor();
    await page.getByRole('link', { name: 'Benchmarks' }).and(page.locator('[aria-current=page]')).waitFor();
    await expectClean(page, problems);
    await page.close();
  });

  it('shows how far one is that another process measures', async () => {
    const { id: experimentId, runs } = await matrix(false);
    const runIds = runs.map(({ id }) => id);
    const { id } = await stage.store.createBenchmark(exampleBenchmark(`${hostile} half`, experimentId));
    const [first, second] = runIds as [string, string];
    for (const runId of [first, second])
      await stage.store.startRun(runId, { total: 5, provenance: exampleProvenance, startedAt: 1 });
    await stage.store.finishRun(first, { status: 'finished', wallMs: 900, finishedAt: 2, summary: null });
    await stage.store.saveBenchmarkPoint(id, `cell ${first}`, { kind: 'cell', runId: first, use: exampleUse(900) });

    const { page, problems } = await stage.open('/benchmarks');
    await page.getByText('1 of 40 cells, 0 of 66 loads').waitFor();
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/benchmark\?id=/);
    await page.getByRole('heading', { level: 1, name: `${hostile} half running` }).waitFor();
    await page.getByText('Aim: batching at least 4 times as fast as sequential').waitFor();
    await page.getByText('Now: naive / batching, repetition 1').waitFor();
    const cells = page.getByRole('region', { name: 'Cells of the matrix' });
    expect(await cells.getByRole('row', { name: /^naive/ }).textContent()).toContain('#1finished900 ms#2pending');
    await expectClean(page, problems);

    for (const runId of runIds.slice(1))
      await stage.store.finishRun(runId, { status: 'finished', wallMs: 900, finishedAt: 2, summary: null });
    await measure(id, 0, 2);
    await page.getByText('now the engines are put under load').waitFor();
    await page.getByText('4 of 66 measured').waitFor();
    const loads = page.getByRole('region', { name: 'Loads measured so far' });
    await loads.getByRole('row', { name: /^batching 1 at once #2/ }).waitFor();
    await stage.store.finishRun(second, { status: 'cancelled', wallMs: 1, finishedAt: 3, summary: null });
    await page.getByText('forge bench --resume goes on with it').waitFor();
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
    await expectClean(page, problems);
    await page.close();
  }, 120_000);

  it('shows what was found the moment it is there', async () => {
    const { id: experimentId, runs } = await matrix(true);
    const state = async () =>
      ((await (await fetch(`${stage.server.url}/api/experiments/${experimentId}`)).json()) as { state: string }).state;
    await expect.poll(state, { timeout: 60_000 }).toBe('finished');
    const runIds = runs.map(({ id }) => id);
    const { id } = await stage.store.createBenchmark(exampleBenchmark('bench-lab', experimentId));
    benchmark = { id, experimentId, runIds };
    await measure(id, 0, exampleLoads.length);
    const { page, problems } = await stage.open(`/benchmark?id=${id}`);
    await page.getByText('the report is being made').waitFor();
    await stage.store.saveBenchmarkReport(id, exampleBenchmarkReport(runIds));
    await page.getByRole('heading', { level: 1, name: 'bench-lab finished' }).waitFor();

    const goal = page.getByRole('region', { name: 'Question' });
    await goal.getByText('✗ missed').first().waitFor();
    await goal
      .getByText(/naive: batching is 3.2 times as fast as sequential .* 0.8 less than the 4 aimed at/)
      .waitFor();
    const cards = page.getByRole('region', { name: 'Recommendations' }).getByRole('article');
    expect(await cards.count()).toBe(3);
    expect(await cards.nth(1).textContent()).toContain('chain-of-thought / batchingAccuracy57.5 %');
    expect(await cards.nth(2).textContent()).toContain('None fulfils it');
    await page.getByText('Negative: q4 is slower than sequential').waitFor();
    await page.getByText('Energy: no RAPL on this machine').waitFor();

    const matrixTable = page.getByRole('region', { name: 'Speed-up by method and optimisation' });
    const naive = await matrixTable.getByRole('row', { name: /^naive/ }).textContent();
    expect(naive).toContain('1×baseline12.0 examples/s21.0 % right');
    expect(naive).toContain('3.20×[2.88, 3.52]38.4 examples/s-0.5 points✓ equivalent');
    expect(naive).toContain('+0.5 points? undecided');
    expect(naive).toContain('-8.0 points▼ worse');

    const table = page.getByRole('region', { name: 'All figures of the matrix' });
    const cell = table.getByRole('row', { name: /^batching/ }).first();
    expect(await cell.textContent()).toContain('TOST p < 0.001, corrected p = 0.002');
    expect(await cell.textContent()).toContain('3 to right, 4 to wrong');
    expect(await table.getByRole('columnheader', { name: 'Energy per example' }).count()).toBe(0);
    await expectClean(page, problems);

    // A cell leads to its examples.
    await matrixTable
      .getByRole('link', { name: /^3\.20×/ })
      .first()
      .press('Enter');
    await page.waitForURL(new RegExp(`/experiment\\?id=${experimentId}&run=${runIds[1]}`));
    const run = page.getByRole('region', { name: 'Examples' }).getByRole('combobox', { name: /^Run/ });
    expect(await run.inputValue()).toBe(runIds[1]);
    await page.close();
  }, 120_000);

  it('draws loads and the trade-off, with every figure in a table', async () => {
    const { page, problems } = await stage.open(`/benchmark?id=${benchmark.id}`);
    const load = page.getByRole('region', { name: 'Under load' });
    const figure = load.getByRole('figure');
    await figure.locator('svg [aria-label=line] path').nth(2).waitFor();
    expect(await figure.getAttribute('aria-label')).toBe('Whole answer, p95 by requests at once');
    expect(await figure.textContent()).toMatch(/batching: .* at 1\.00, .* at 16\.0/);
    expect(await figure.locator('svg [aria-label=dot] > *').count()).toBeGreaterThanOrEqual(15);

    await load.getByRole('combobox', { name: /^Load/ }).selectOption('open');
    await load.getByRole('combobox', { name: /^Figure/ }).selectOption('ttftP50Ms');
    await load.getByRole('combobox', { name: /^Across/ }).selectOption('achieved');
    await page.getByRole('figure', { name: 'First token (TTFT), p50 by requests answered per second' }).waitFor();
    await load.getByText('All figures of these loads').press('Enter');
    const loads = load.getByRole('region', { name: 'Figures of the loads' });
    expect(await loads.getByRole('row', { name: /^sequential ?8\.00\/s Poisson/ }).textContent()).toContain(
      '⊗ saturated',
    );
    await loads.getByRole('row', { name: /^server ?trace of 4/ }).waitFor();

    const pareto = page.getByRole('region', { name: 'Pareto frontier' });
    await pareto
      .getByRole('figure', { name: 'Accuracy against median latency' })
      .locator('svg [aria-label=dot] path')
      .first()
      .waitFor();
    await pareto.getByRole('combobox', { name: /^Against/ }).selectOption('cost');
    const cost = pareto.getByRole('figure', { name: 'Accuracy against US dollars per thousand examples' });
    expect(await cost.textContent()).toContain('On the frontier: ');
    expect(await cost.locator('svg [aria-label=dot] path').count()).toBe(16);
    const points = pareto.getByRole('region', { name: 'Points of the trade-off' });
    expect(await points.getByRole('row', { name: /^chain-of-thought \/ q4/ }).textContent()).toMatch(
      /0\.02○ chain-of-thought \/ \S+ is at least as accurate and \d+\.\d times as fast/,
    );
    await points.getByText('● on the frontier').first().waitFor();
    await expectClean(page, problems);

    await page.goto(`${stage.server.url}/benchmark?id=ffffffff-ffff-7fff-bfff-ffffffffffff`);
    await page.getByRole('alert').getByText('no benchmark').waitFor();
    await page.goto(`${stage.server.url}/benchmark`);
    await page.getByRole('alert').getByText('names no benchmark').waitFor();
    await page.close();
  }, 120_000);

  it(
    'is usable at 380 px and in the dark',
    () =>
      stage.expectNarrowAndDark(
        ['/benchmarks', `/benchmark?id=${benchmark.id}`],
        'naive: batching is 3.2 times as fast',
      ),
    120_000,
  );
});
