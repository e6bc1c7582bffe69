import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../forge/src/stores/index.ts';
import { openRemote, type RemoteStore } from '../../forge/src/stores/remote.ts';
import { drills } from '../../forge/src/testing/drills.ts';
import type { ForgeServer } from '../../forge/src/testing/forge-server.ts';
import { browserPath } from './browser.ts';
import { expectClean, openPage } from './page-checks.ts';
import { type Created, create, type DatabaseKind, finished, openStage, read, startServer } from './stage.ts';

const root = join(import.meta.dirname, '..', '..', '..');
if (browserPath === undefined) {
  console.warn('no browser found: the browser tests are skipped; install chromium, or name one in CHROME_PATH');
}

const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>`;

const hostileExperiment = `version: 1
name: hostile
description: "${hostile.replaceAll('"', '\\"')}"
dataset: { name: json-lines, path: HOME/hostile.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: '${hostile}' }
metrics: [exact-match]
variants:
  one: { method: naive }
  two: { method: { name: naive, template: 'Other: {question}' }, engine: { default: '${hostile} other' } }
`;

const slowExperiment = `version: 1
name: slow
dataset: { name: lab-world, split: arithmetic }
sample: 400
engine: { name: scripted, default: '7', latencyMs: 40, concurrency: 2 }
metrics: [numeric-match]
cache: false
method: naive
`;

const longExperiment = `version: 1
name: long
dataset: { name: json-lines, path: HOME/long.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: '7', concurrency: 32 }
metrics: [exact-match]
method: naive
`;

function suite(database: DatabaseKind): void {
  let stage: Awaited<ReturnType<typeof openStage>>;
  let home: string;
  let env: Record<string, string>;
  let server: ForgeServer;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    stage = await openStage(database);
    ({ home, env, server, browser, context } = stage);
  });
  afterAll(() => stage?.close(server));

  const open = (path: string, within = context) => openPage(within, `${server.url}${path}`);

  it('greets an empty laboratory', async () => {
    const { page, problems } = await open('/');
    await page.getByText('Start with an experiment').waitFor();
    await expectClean(page, problems);
    await page.goto(`${server.url}/experiments`);
    await page.getByText('Nothing is stored yet').waitFor();
    await expectClean(page, problems);
    await page.goto(`${server.url}/compare`);
    await page.getByText('No finished run found').waitFor();
    await expectClean(page, problems);
    await page.close();
  });

  it('creates an experiment through the form, watches it finish, finds it, opens a row, compares its runs', async () => {
    const { page, problems } = await open('/experiments/new?example=quickstart');
    await page.getByLabel('Name', { exact: false }).first().fill('from-the-form');
    await page.getByLabel('Sample size').fill('24');
    await page.getByText('Valid: 2 variants').waitFor();
    // The text beside the form says the same.
    await expect.poll(() => page.locator('.cm-content').textContent()).toContain('name: from-the-form');
    await expect.poll(() => page.locator('.cm-content').textContent()).toContain('sample: 24');
    await page.getByRole('row', { name: /^Total/ }).waitFor();
    await expectClean(page, problems);
    await page.getByRole('button', { name: 'Start', exact: true }).click();

    await page.waitForURL(/\/experiment\?id=/);
    await page.getByRole('heading', { level: 1, name: 'from-the-form finished' }).waitFor({ timeout: 60_000 });
    await page.getByText('chain-of-thought is better than naive').first().waitFor();
    await page.getByRole('figure').first().locator('svg').waitFor();
    await expectClean(page, problems);

    await page.goto(`${server.url}/experiments`);
    await page.getByRole('searchbox', { name: 'Search' }).fill('form');
    await page.waitForURL(/text=form/);
    await page.getByRole('link', { name: 'from-the-form' }).waitFor();
    await expectClean(page, problems);
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');

    await page.waitForURL(/\/experiment\?id=/);
    const grid = page.getByRole('grid');
    await grid.getByRole('row').nth(1).waitFor();
    await page.getByRole('button', { name: 'wrong', exact: true }).click();
    await page.waitForURL(/outcome=wrong/);
    await grid.getByText('wrong', { exact: true }).first().waitFor();
    expect(await grid.getByText('right', { exact: true }).count()).toBe(0);
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('heading', { name: 'Prompt' }).waitFor();
    await drawer.getByText('Question: ').first().waitFor();
    const first = new URL(page.url()).searchParams.get('example');
    expect(first).toMatch(/arithmetic-test/);
    await expectClean(page, problems);
    // On to the next one without closing.
    await page.keyboard.press('j');
    await expect.poll(() => new URL(page.url()).searchParams.get('example')).not.toBe(first);
    await drawer.getByRole('heading', { name: 'Prompt' }).waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });

    await page.getByRole('link', { name: 'Compare runs' }).click();
    await page.waitForURL(/\/compare\?runs=/);
    await page.getByText('chain-of-thought is better than naive').first().waitFor();
    await page.getByText(/^Better in chain-of-thought: \d+/).click();
    await page
      .getByRole('button', { name: /arithmetic-test/ })
      .first()
      .click();
    await page.getByText('Target:').first().waitFor();
    await page.getByRole('figure').nth(1).locator('svg').waitFor();
    await expectClean(page, problems);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: /against latency as SVG/ }).click();
    expect((await download).suggestedFilename()).toMatch(/\.svg$/);
    await page.close();
  }, 180_000);

  it('comes back by itself after the server was killed in the middle of a run', async () => {
    const { id } = await create(server, slowExperiment);
    const { page } = await open(`/experiment?id=${id}`);
    const bar = page.getByRole('progressbar', { name: 'Progress of naive' });
    const share = async () => Number(await bar.getAttribute('aria-valuenow').catch(() => 0));
    await expect.poll(share, { timeout: 30_000 }).toBeGreaterThan(5);
    // The rate comes by the stream alone: from here on the page is connected.
    await page.getByText('examples/s').waitFor();
    const { port } = new URL(server.url);
    await server.stop('SIGKILL');
    await page.getByText('reconnecting').waitFor();
    const before = await share();
    server = await startServer(home, env, port);
    await expect.poll(share, { timeout: 30_000 }).toBeGreaterThan(before);
    await page.getByRole('heading', { level: 1, name: 'slow finished' }).waitFor({ timeout: 60_000 });
    const [run] = (await read(server, id)).runs;
    expect(run).toMatchObject({ done: 400, status: 'finished' });
    await page.close();
  }, 180_000);

  it('scrolls to any place of a long run without loading what lies before it', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) =>
      JSON.stringify({ question: `Question ${i}?`, answer: `${i % 9}` }),
    );
    await writeFile(join(home, 'long.jsonl'), `${lines.join('\n')}\n`);
    const { id } = await create(server, longExperiment.replace('HOME', home));
    await finished(server, id);
    const { page, problems } = await open(`/experiment?id=${id}`);
    const asked: number[] = [];
    page.on('request', (request) => {
      const offset = new URL(request.url()).searchParams.get('offset');
      if (offset !== null) asked.push(Number(offset));
    });
    const grid = page.getByRole('grid');
    await grid.getByRole('row').nth(1).waitFor();
    const total = Number(await grid.getAttribute('aria-rowcount')) - 1;
    expect(total).toBe(3000);
    await grid.getByRole('rowgroup').evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await grid
      .locator(`[aria-rowindex="${total + 1}"]`)
      .getByText('Question 2999?')
      .waitFor();
    expect(new Set(asked).size).toBeLessThanOrEqual(3);
    expect(asked).not.toContain(400);
    await expectClean(page, problems);
    await page.close();
  }, 120_000);

  it('refuses the second of two edits of one draft, and loses neither', async () => {
    const response = await fetch(`${server.url}/api/experiments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: slowExperiment.replace('name: slow', 'name: shared-draft') }),
    });
    const { id } = (await response.json()) as Created;
    const [first, second] = [await open(`/experiments/new?edit=${id}`), await open(`/experiments/new?edit=${id}`)];
    for (const { page } of [first, second]) await page.getByText('Valid: 1 variant').waitFor();
    await first.page.getByLabel('Sample size').fill('11');
    await first.page.getByRole('button', { name: 'Save', exact: true }).click();
    await first.page.waitForURL(/\/experiment\?id=/);
    await second.page.getByLabel('Sample size').fill('22');
    await second.page.getByRole('button', { name: 'Save', exact: true }).click();
    await second.page.getByText(/changed by somebody else/).waitFor();
    await expect.poll(() => second.page.locator('.cm-content').textContent()).toContain('sample: 22');
    await second.page.getByRole('button', { name: /theirs/i }).click();
    await expect.poll(() => second.page.locator('.cm-content').textContent()).toContain('sample: 11');
    await first.page.close();
    await second.page.close();
  }, 60_000);

  it('shows workers, what they do, and the audit log', async () => {
    const { page, problems } = await open('/system');
    const audit = page.getByRole('region', { name: 'Audit log, newest first' });
    await audit.getByText('POST /experiments').first().waitFor();
    const { DATABASE_URL: url } = env;
    if (url === undefined) await page.getByText('No worker has come').waitFor();
    const store =
      url === undefined
        ? openRemote(JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as RemoteStore)
        : await openStore({ url });
    const requirement = { engines: [], gpu: false, models: [] };
    const worker = await store.registerWorker({
      name: 'box:17',
      kind: 'worker',
      version: '0.1.0',
      capabilities: { gpu: true, engines: [], models: [] },
    });
    const job = { kind: 'ingestion', name: 'words', priority: 3, requirement, version: '0.1.0' } as const;
    const failed = await store.enqueueJob({ ...job, subject: 'corpora/failed.yaml' });
    await store.claimJob(failed, worker);
    await store.endJob(failed, worker, 'no such file');
    await store.enqueueJob({ ...job, subject: 'corpora/waits.yaml' });
    await store.setLimit('gpu-1:8000', 7);
    await page.getByRole('region', { name: 'Workers' }).getByText('box:17').first().waitFor();
    const jobs = page.getByRole('region', { name: 'Trainings, benchmarks and ingestions of workers' });
    await jobs.getByText('corpora/waits.yaml').waitFor();
    await jobs.getByText('no such file').waitFor();
    await page
      .getByRole('region', { name: 'Calls at once, on all machines together' })
      .getByText('gpu-1:8000')
      .waitFor();
    await expectClean(page, problems);
    await store.removeWorker(worker);
    await store.close();
    await page.close();
  }, 60_000);

  // What no database makes a difference to.
  if (database !== 'embedded') return;

  it('ingests a corpus, searches it side by side, and shows what an answer took from its passages', async () => {
    const { page, problems } = await open('/corpora');
    await page.getByRole('button', { name: 'Ingest lab-world' }).click();
    await page.getByRole('button', { name: 'Update lab-world' }).waitFor({ timeout: 60_000 });
    await expectClean(page, problems);
    await page.getByLabel('Query').fill('What is the job of Vera Harker?');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    for (const name of ['dense', 'bm25', 'hybrid', 'reranked']) {
      const column = page.getByRole('region', { name, exact: true });
      await column.getByText('Vera Harker').first().waitFor();
      await column.getByText(/ ms$/).first().waitFor();
    }
    await page.waitForURL(/query=What/);
    await expectClean(page, problems);

    const { id, runs } = await create(
      server,
      await readFile(join(root, 'experiments/rag-ablation.yaml'), 'utf8').then((source) => `${source}sample: 6\n`),
    );
    await finished(server, id);
    await page.goto(`${server.url}/experiment?id=${id}&run=${runs[1]?.id}`);
    await page.getByRole('figure', { name: 'Claims that the passages state' }).locator('svg').waitFor();
    const grid = page.getByRole('grid');
    await grid.getByRole('row').nth(1).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('heading', { name: 'Retrieved passages' }).waitFor();
    await drawer.locator('mark').first().waitFor();
    await drawer.getByText('supported', { exact: false }).first().waitFor();
    await expectClean(page, problems);
    await page.close();
  }, 180_000);

  it('shows what a model wrote as text, whatever it is', async () => {
    await writeFile(
      join(home, 'hostile.jsonl'),
      `${JSON.stringify({ question: hostile, answer: 'x' })}\n${JSON.stringify({ question: `${hostile} 2`, answer: hostile })}\n`,
    );
    const { id, runs } = await create(server, hostileExperiment.replaceAll('HOME', home));
    await finished(server, id);
    const { page } = await open(`/experiment?id=${id}`);
    await page.getByRole('grid').getByText('window.hacked=1').first().waitFor();
    await page.getByRole('grid').getByRole('row').nth(1).click();
    await page.getByRole('dialog').getByText('window.hacked=2').first().waitFor();
    await page.goto(`${server.url}/compare?runs=${runs.map((run) => run.id).join(',')}`);
    await page.getByText(/^Better in one: \d+/).click();
    await page.locator('li button[aria-expanded]').first().click();
    await page.getByText('window.hacked=1').first().waitFor();
    await page.goto(`${server.url}/experiments`);
    await page.getByText('window.hacked=1').first().waitFor();
    await page.goto(`${server.url}/experiments/new?from=${id}`);
    await page.getByText('window.hacked=1').first().waitFor();
    expect(await page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    await page.close();
  }, 120_000);

  it('says that a comparison was stopped early, and shows what holds then', async () => {
    const source = await readFile(join(root, 'experiments/early-stop.yaml'), 'utf8');
    const { id } = await create(server, source);
    await finished(server, id);
    const { page, problems } = await open(`/experiment?id=${id}`);
    await page.getByText(/^stopped after 24 of 200 examples: chain-of-thought is better than naive by/).waitFor();
    await page.getByText(/anytime-valid 95 % interval [\d.]+ to [\d.]+, hedged capital/).waitFor();
    await page.getByText('24 of at most 200', { exact: true }).waitFor();
    await page.getByText(/^Difference, anytime-valid$/).waitFor();
    await page.getByText(/These intervals are approximate\.$/).waitFor();
    await page.getByText(/intervals of latency and tokens are those of an n fixed beforehand/).waitFor();
    await page.getByRole('row', { name: /^Examples 24 of 200 24 of 200$/ }).waitFor();
    await expectClean(page, problems);
    await page.close();
  }, 120_000);

  it('says what is wrong, and what to do', async () => {
    const { page } = await open('/experiment?id=00000000');
    await page.getByRole('alert').getByText('no experiment "00000000"').waitFor();
    await page.goto(`${server.url}/experiments?status=bogus`);
    await page.getByRole('alert').getByText('status').waitFor();
    await page.goto(`${server.url}/nowhere`);
    await page.getByText('This page could not be found').waitFor();
    await page.close();
  });

  it('is usable at 380 px and in the dark', async () => {
    const narrow = await browser.newContext({ viewport: { width: 380, height: 800 }, colorScheme: 'dark' });
    narrow.setDefaultTimeout(20_000);
    const list = (await (await fetch(`${server.url}/api/experiments?text=from-the-form`)).json()) as {
      items: Created[];
    };
    const experiment = list.items[0] as Created;
    const runs = experiment.runs.map((run) => run.id).join(',');
    const paths = [
      '/',
      '/experiments',
      '/experiments/new',
      `/experiment?id=${experiment.id}`,
      `/compare?runs=${runs}`,
      '/corpora',
      '/system',
    ];
    for (const path of paths) {
      const { page, problems } = await open(path, narrow);
      await page.waitForLoadState('networkidle');
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
      await expectClean(page, problems);
      await page.close();
    }
    await narrow.close();
  }, 120_000);

  it('loads under 200 kB of JavaScript first, and moves nothing once it is there', async () => {
    const fresh = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await fresh.newPage();
    let bytes = 0;
    const devtools = await fresh.newCDPSession(page);
    await devtools.send('Network.enable');
    const scripts = new Set<string>();
    devtools.on('Network.responseReceived', ({ requestId, type }) => {
      if (type === 'Script') scripts.add(requestId);
    });
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (scripts.has(requestId)) bytes += encodedDataLength;
    });
    await page.addInitScript(() => {
      const target = window as unknown as { shift: number };
      target.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) target.shift += (entry as unknown as { value: number }).value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(server.url);
    await page.getByText('Latest findings').waitFor();
    await page.waitForLoadState('networkidle');
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(200_000);
    expect(await page.evaluate(() => (window as unknown as { shift: number }).shift)).toBeLessThan(0.1);
    await fresh.close();
  }, 60_000);
}

describe.skipIf(browserPath === undefined)('dashboard in a browser', () => {
  describe('on the embedded database', () => suite('embedded'));
  describe.runIf(drills)('on Postgres', () => suite('postgres'));
});
