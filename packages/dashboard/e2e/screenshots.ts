// Pictures of every page from real runs of the bundled lab model, into docs/screenshots: `npm run screenshots`, or with
// `-- experiments`, `-- training`, `-- benchmark` some of them.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { parse, stringify } from 'yaml';
import { forge } from '../../forge/src/testing/forge-process.ts';
import { startForgeServer } from '../../forge/src/testing/forge-server.ts';
import { browserPath, launchBrowser } from './browser.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const folder = join(root, 'docs', 'screenshots');

if (browserPath === undefined) {
  console.error('No browser found: install chromium, or name one in CHROME_PATH.');
  process.exit(2);
}
const home = await mkdtemp(join(tmpdir(), 'forge-screenshots-'));
await mkdir(folder, { recursive: true });
const server = await startForgeServer({ cwd: root, env: { FORGE_HOME: home } });
const browser = await launchBrowser();

interface Made {
  readonly id: string;
  readonly runs: { id: string }[];
}

/** Runs an experiment of the project's folder to its end; with `sample`, on so many examples. */
async function runExample(name: string, sample?: number): Promise<Made> {
  const catalog = (await (await fetch(`${server.url}/api/catalog`)).json()) as {
    examples: { name: string; source: string }[];
  };
  const written = catalog.examples.find((one) => one.name === name)?.source;
  const source = sample === undefined ? written : `${written}sample: ${sample}\n`;
  const response = await fetch(`${server.url}/api/experiments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source, start: true }),
  });
  const { id } = (await response.json()) as Made;
  for (;;) {
    const experiment = (await (await fetch(`${server.url}/api/experiments/${id}`)).json()) as Made & { state: string };
    if (experiment.state === 'finished') return experiment;
    if (experiment.state === 'failed') throw new Error(`${name} failed`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Trains or measures from a file, through the store that the server lends; the id of what was made. */
async function commandExample(command: 'train' | 'bench', file: string): Promise<string> {
  const { code, stderr } = await forge([command, file], { cwd: root, env: { FORGE_HOME: home } });
  if (code !== 0) throw new Error(`forge ${command} ${file} failed: ${stderr}`);
  const list = command === 'train' ? 'trainings' : 'benchmarks';
  const { items } = (await (await fetch(`${server.url}/api/${list}?limit=1`)).json()) as { items: Made[] };
  return items[0]?.id ?? '';
}

/** experiments/bench-lab.yaml with fewer examples and loads: two minutes instead of fifteen. */
async function shortBenchmark(): Promise<string> {
  const whole = parse(await readFile(join(root, 'experiments/bench-lab.yaml'), 'utf8'));
  const load = { ...whole.load, requests: 100, repetitions: 2 };
  const file = join(home, 'bench-lab.yaml');
  await writeFile(file, stringify({ ...whole, sample: 40, repetitions: 2, load }));
  return file;
}

/** The page, or from its part called `part` on. */
async function shoot(context: BrowserContext, name: string, path: string, part?: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${server.url}${path}`);
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(800);
  if (part !== undefined)
    await page.getByRole('region', { name: part, exact: true }).evaluate((region) => region.scrollIntoView());
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(`docs/screenshots/${name}.png`);
  await page.close();
}

const size = { width: 1600, height: 1000 };
const wide = await browser.newContext({ viewport: size, colorScheme: 'light' });
const dark = await browser.newContext({ viewport: size, colorScheme: 'dark' });
const narrow = await browser.newContext({ viewport: { width: 380, height: 800 }, colorScheme: 'light' });

/** On a wide and a narrow screen. */
async function shootBoth(name: string, path: string, part?: string): Promise<void> {
  await shoot(wide, name, path, part);
  await shoot(narrow, `${name}-narrow`, path, part);
}

async function shootExperiments(): Promise<void> {
  const fewShot = await runExample('few-shot');
  const quickstart = await runExample('quickstart');
  const ablation = await runExample('rag-ablation');
  const agent = await runExample('agent', 60);
  const rows = (await (await fetch(`${server.url}/api/runs/${quickstart.runs[1]?.id}/results?limit=1`)).json()) as {
    items: { exampleId: string }[];
  };
  const experiment = `/experiment?id=${quickstart.id}`;
  const example = `${experiment}&run=${quickstart.runs[1]?.id}&example=${rows.items[0]?.exampleId}`;
  const runs = [...quickstart.runs, ...fewShot.runs].map((run) => run.id).join(',');
  const ofRag = `/experiment?id=${ablation.id}`;
  const found = (await (await fetch(`${server.url}/api/runs/${ablation.runs[1]?.id}/results?limit=1`)).json()) as {
    items: { exampleId: string }[];
  };
  const ofAgent = `/experiment?id=${agent.id}&run=${agent.runs[3]?.id}`;
  // With both tools: a question that takes several turns.
  const used = (await (
    await fetch(`${server.url}/api/runs/${agent.runs[3]?.id}/results?limit=60&outcome=right`)
  ).json()) as { items: { exampleId: string; toolUse: { calls: unknown[] } }[] };
  const longest = used.items.toSorted((a, b) => b.toolUse.calls.length - a.toolUse.calls.length)[0];
  const trace = `${ofAgent}&example=${longest?.exampleId}&step=2`;
  for (const [name, path, part] of [
    ['home', '/'],
    ['experiments', '/experiments'],
    ['new-experiment', '/experiments/new?example=quickstart'],
    ['experiment', experiment],
    ['example', example],
    ['compare', `/compare?runs=${quickstart.runs.map((run) => run.id).join(',')}`],
    ['corpora', '/corpora?query=What+is+the+job+of+Vera+Harker%3F'],
    ['rag', ofRag],
    ['rag-example', `${ofRag}&run=${ablation.runs[1]?.id}&example=${found.items[0]?.exampleId}`],
    ['tool-use', ofAgent, 'Tool use'],
    ['agent-trace', trace, 'Agent trace'],
  ] as const)
    await shootBoth(name, path, part);
  await shoot(wide, 'compare-many', `/compare?runs=${runs}`);
  await shoot(dark, 'experiment-dark', experiment);
  await shoot(dark, 'agent-trace-dark', trace, 'Agent trace');
}

async function shootTraining(): Promise<void> {
  const training = `/training?id=${await commandExample('train', 'experiments/dpo-lab.yaml')}`;
  await shootBoth('trainings', '/trainings');
  await shootBoth('training', training);
  await shoot(wide, 'training-curves', training, 'Curves');
  await shoot(wide, 'training-ablation', training, 'Before and after');
  await shoot(dark, 'training-dark', training, 'Curves');
}

async function shootBenchmark(): Promise<void> {
  const benchmark = `/benchmark?id=${await commandExample('bench', await shortBenchmark())}`;
  await shootBoth('benchmarks', '/benchmarks');
  await shootBoth('benchmark', benchmark);
  await shoot(wide, 'benchmark-trade-off', benchmark, 'Pareto frontier');
  await shoot(wide, 'benchmark-load', benchmark, 'Under load');
  await shoot(dark, 'benchmark-dark', benchmark, 'Pareto frontier');
}

const groups = { experiments: shootExperiments, training: shootTraining, benchmark: shootBenchmark };
const named = process.argv.slice(2);
try {
  for (const [name, shootGroup] of Object.entries(groups))
    if (named.length === 0 || named.includes(name)) await shootGroup();
} finally {
  await browser.close();
  await server.stop();
  await rm(home, { recursive: true, force: true });
}
