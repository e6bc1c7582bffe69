import { expect, it } from 'vitest';
import {
  exampleReport,
  exampleTraining,
  trainingStart,
  trainStep,
  validation,
} from '../../forge/src/testing/example-trainings.ts';
import type { TrainingRunRecord } from '../../forge/src/training-record.ts';
import { expectClean } from './page-checks.ts';
import { describeRecords } from './record-stage.ts';

const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>`;

const steps = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => trainStep(from + i));

describeRecords('trainings in a browser', (stage) => {
  let training: { id: string; runs: readonly TrainingRunRecord[] };

  async function start(run: TrainingRunRecord, upTo: number): Promise<void> {
    await stage.store.startTrainingRun(run.id, {
      folder: '/runs/one',
      provenance: { model: 'ab' },
      startedAt: Date.now(),
    });
    await stage.store.addTrainEvents(run.id, [trainingStart(50), validation(0), ...steps(1, upTo)]);
  }

  async function finish(run: TrainingRunRecord): Promise<void> {
    const artifacts = [
      { kind: 'peft-adapter' as const, path: 'adapter', sha256: '3fa9'.repeat(16), sizeBytes: 98_304 },
    ];
    const end = { status: 'finished' as const, wallMs: 61_000, finishedAt: Date.now(), outcome: null };
    await stage.store.finishTrainingRun(run.id, { ...end, artifacts });
  }

  it('says how to begin where nothing is trained', async () => {
    const { page, problems } = await stage.open('/trainings');
    await page.getByText('No model has been trained yet').waitFor();
    await page.getByRole('link', { name: 'Training' }).and(page.locator('[aria-current=page]')).waitFor();
    await expectClean(page, problems);
    await page.close();
  });

  it('draws a training that goes on in another process, step by step', async () => {
    const created = await stage.store.createTraining(exampleTraining('dpo-lab'));
    training = { id: created.training.id, runs: created.runs };
    const [first, second] = created.runs as [TrainingRunRecord, TrainingRunRecord];
    await start(first, 50);
    await finish(first);
    await start(second, 20);

    const { page, problems } = await stage.open('/trainings');
    await page.getByText('1 of 4 finished').waitFor();
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/training\?id=/);
    await page.getByRole('heading', { level: 1, name: 'dpo-lab running' }).waitFor();
    await page.getByText('20 of 50 steps · about 12.3 s left').waitFor();
    for (const name of ['Loss', 'Reward margin', 'Reward accuracy', 'Learning rate', 'Tokens per second']) {
      await page.getByRole('figure', { name }).locator('svg [aria-label=line] path').first().waitFor();
    }
    const loss = page.getByRole('figure', { name: 'Loss' });
    expect(await loss.textContent()).toMatch(/beta=0\.05, seed=2: 0\.\d+ at step 20, validation 0\.693 at step 0/);
    await expectClean(page, problems);

    // Two seeds of one group, and the validation rows of both.
    const shapes = () => loss.locator('svg [aria-label=line] path, svg [aria-label=dot] path').count();
    expect(await shapes()).toBeGreaterThan(3);
    const toggle = page.getByRole('button', { name: 'beta=0.05 (2 seeds)' });
    await toggle.press('Enter');
    await page.getByText('Every run is hidden').waitFor();
    await toggle.press('Enter');

    await stage.store.addTrainEvents(second.id, [...steps(21, 30), validation(30)]);
    await page.getByText('30 of 50 steps').waitFor();
    await expect.poll(() => loss.textContent()).toMatch(/seed=2: 0\.\d+ at step 30, validation 0\.\d+ at step 30/);
    // Killed and gone on from a checkpoint: the line goes back and is drawn anew.
    await stage.store.addTrainEvents(second.id, [trainingStart(50, 25), trainStep(26, { loss: 5 })]);
    await page.getByText('26 of 50 steps').waitFor();
    await page.getByText('went on after step 25').waitFor();
    await expect.poll(() => loss.locator('svg').first().textContent()).toContain('5');
    await page.close();
  });

  it('tells what was found the moment it is there', async () => {
    const { page, problems } = await stage.open(`/training?id=${training.id}`);
    await page.getByText('A verdict comes when every run is trained and evaluated').waitFor();
    for (const run of training.runs.slice(1)) {
      await start(run, 50);
      await finish(run);
    }
    await page.getByText('the models before and after are being compared').waitFor();
    const evaluated = await stage.store.createExperiment({
      name: 'dpo-lab-facts',
      source: '',
      config: {},
      configHash: 'h',
      runs: [],
    });
    await stage.store.saveTrainingReport(training.id, exampleReport([evaluated.experiment.id]));
    await page.getByRole('heading', { level: 1, name: 'dpo-lab finished' }).waitFor();
    await page.getByText('Preference accuracy: after is better than before by 21.0 points').first().waitFor();
    await page.getByText('Factuality falls by 5 points with beta 0.2').waitFor();

    const table = page.getByRole('region', { name: 'Metrics before and after training' });
    const accuracy = table.getByRole('row', { name: /^Preference accuracy/ });
    expect(await accuracy.textContent()).toContain('+21.0 points [+13.0, +29.0], p = 0.004▲ better');
    await page.getByLabel('Setting').selectOption('beta=0.2');
    expect(await table.getByRole('row', { name: /^Factuality/ }).textContent()).toContain('▼ worse');

    const grid = page.getByRole('region', { name: 'Preference accuracy by what varies' });
    expect(await grid.getByRole('row', { name: /^0\.2/ }).textContent()).toContain('77.5 %[68.5, 86.5]▲ better2 seeds');
    await page.getByLabel('Show').selectOption('change by training');
    expect(await grid.getByRole('row', { name: /^0\.05/ }).textContent()).toContain('+21.0 points');

    const lineage = page.getByRole('region', { name: 'Lineage' });
    const link = lineage.getByRole('link', { name: 'facts' });
    expect(await link.getAttribute('href')).toBe(`/experiment?id=${evaluated.experiment.id}`);
    expect(await lineage.textContent()).toContain('800 to train on');
    expect(await lineage.textContent()).toContain('peft-adapter 98.3 kB 3fa93fa93fa9');
    await expectClean(page, problems);
    await page.close();
  }, 60_000);

  it('shows what went wrong, and runs no script of it', async () => {
    const given = exampleTraining(hostile);
    const { training: failed, runs } = await stage.store.createTraining(given);
    const [run] = runs as [TrainingRunRecord];
    await start(run, 2);
    await stage.store.addTrainEvents(run.id, [{ type: 'warning', message: `${hostile} warned` }]);
    const end = { wallMs: 5, finishedAt: Date.now(), artifacts: [], outcome: null };
    await stage.store.finishTrainingRun(run.id, { ...end, status: 'failed', error: `${hostile} failed` });
    const { page, problems } = await stage.open(`/training?id=${failed.id}`);
    await page.getByText('A run failed before there was a verdict').waitFor();
    const table = page.getByRole('region', { name: 'Runs' });
    await table.getByText(`${hostile} failed`).waitFor();
    await table.getByText(`${hostile} warned`).waitFor();
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
    await expectClean(page, problems);
    // Gone on with from a terminal: the page takes it up by itself.
    await stage.store.startTrainingRun(run.id, { folder: '/runs/one', provenance: null, startedAt: 1 });
    await page.getByRole('heading', { level: 1, name: /running$/ }).waitFor();
    await stage.store.addTrainEvents(run.id, steps(3, 9));
    await page.getByText('9 of 50 steps').waitFor();
    await page.goto(`${stage.server.url}/training?id=ffffffff-ffff-7fff-bfff-ffffffffffff`);
    await page.getByRole('alert').getByText('no training').waitFor();
    await page.goto(`${stage.server.url}/training`);
    await page.getByRole('alert').getByText('names no training').waitFor();
    await page.close();
  }, 60_000);

  it(
    'is usable at 380 px and in the dark',
    () =>
      stage.expectNarrowAndDark(
        ['/trainings', `/training?id=${training.id}`],
        'Preference accuracy: after is better than before',
      ),
    60_000,
  );
});
