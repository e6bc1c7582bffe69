/**
 * Packs LLM Forge, installs the package in an empty folder outside the clone, and uses it as a newcomer does: every kind of thread and
 * process that it starts. Ends with 1 where something is not as it should be. Some minutes, most of them npm's.
 *
 * npm run drill:package                  packs first
 * npm run drill:package -- <file.tgz>    takes a package that is there
 */
import { deepStrictEqual as equals } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '../packages/forge/src/testing/free-port.ts';
import { newcomer, sizeOf } from './installed-package.ts';
import { checkLicences } from './licences.ts';
import { readLock } from './lock-tree.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [given] = process.argv.slice(2);
if (given === undefined) execFileSync('npm', ['run', '--silent', 'pack'], { cwd: root, stdio: 'inherit' });
const tgz = resolve(given ?? join(root, 'build', 'package', `llm-forge-${version}.tgz`));

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'forge-package-')));
const { run, forge, serve } = newcomer(folder);
const installed = join(folder, 'node_modules', 'llm-forge');
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

async function step(title: string, act: () => Promise<string | undefined>): Promise<void> {
  const started = performance.now();
  const found = await act();
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  console.log(`ok ${seconds} s  ${title}${found === undefined ? '' : `: ${found}`}`);
}

/** Writes an example with other settings; names the new file. */
function changed(example: string, name: string, changes: Record<string, unknown>): string {
  write(`${name}.yaml`, stringify({ ...parse(read(`experiments/${example}.yaml`)), name, ...changes }));
  return `${name}.yaml`;
}

function says(text: string, wanted: RegExp): void {
  if (!wanted.test(text)) throw new Error(`${wanted} is not in what was said:\n${text.slice(0, 3000)}`);
}

interface Shown {
  readonly runs: readonly {
    readonly run: { readonly id: string; readonly provenance: Readonly<Record<string, unknown>> };
    readonly summary: {
      readonly failed: { readonly total: number };
      readonly tools?: { readonly calls: number; readonly failed: number };
    };
  }[];
}

try {
  console.log(`Node ${process.version}, ${tgz}`);
  await step('npm install, without scripts', async () => {
    await run('npm', 'init', '--yes');
    await run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tgz);
    const licences = checkLicences(readLock(folder), ['node_modules/llm-forge']);
    return `${licences.length} packages with licences in order, ${(sizeOf(join(folder, 'node_modules')) / 1e9).toFixed(2)} GB`;
  });
  await step('forge --version', async () => {
    equals((await forge('--version')).trim(), version);
    equals((await run('npx', '--no-install', 'llm-forge', '--version')).trim(), version);
    return version;
  });
  await step('forge init', async () => (await forge('init')).split('\n')[0]);
  await step('forge doctor', async () => {
    const { checks } = JSON.parse(await forge('doctor', '--json')) as { checks: { name: string; status: string }[] };
    const names = ['node', 'models', 'llama.cpp', 'onnxruntime', 'dashboard'];
    equals(
      names.map((name) => checks.find((one) => one.name === name)?.status),
      names.map(() => 'ok'),
    );
    return names.join(', ');
  });
  await step('forge list components', async () => {
    const text = await forge('list', 'components');
    for (const name of ['lab-world', 'llama-cpp', 'chain-of-thought', 'lancedb'])
      says(text, new RegExp(`^  ${name}: `, 'm'));
    return undefined;
  });
  await step('forge validate, every example', async () => {
    const files = readdirSync(join(folder, 'experiments')).filter((name) => name.endsWith('.yaml'));
    await forge('validate', ...files.map((name) => `experiments/${name}`));
    return undefined;
  });
  await step('forge run experiments/quickstart.yaml', async () => {
    const lines = (await forge('run', 'experiments/quickstart.yaml')).split('\n');
    const readme = readFileSync(join(installed, 'README.md'), 'utf8').split('\n');
    const said = ['numeric-match', 'chain-of-thought is better than naive'].map((start) => {
      const [here, there] = [lines, readme].map((all) =>
        all.find((one) => one.startsWith(start))?.replace(/\s+/g, ' '),
      );
      if (here === undefined || here !== there) throw new Error(`README.md says: ${there}, the quickstart: ${here}`);
      return here;
    });
    return said[0];
  });
  await step('where it comes from', async () => {
    const { runs } = JSON.parse(await forge('show', '--json')) as Shown;
    const { gitHead } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const { forgeVersion, codeRevision } = runs[0]?.run.provenance ?? {};
    equals([forgeVersion, codeRevision], [version, gitHead]);
    return `${version}, ${gitHead}`;
  });
  await step('forge findings check', async () => {
    const text = await forge('findings', 'check', 'findings/chain-of-thought.yaml');
    says(text, /supported/);
    return 'supported';
  });
  await step('retrieval: encoders, LanceDB', async () => {
    const file = changed('rag-ablation', 'rag', { sample: 20, compare: { baseline: 'none', metric: 'exact-match' } });
    const { runs } = JSON.parse(await forge('run', file, '--json')) as Shown;
    equals(
      runs.map(({ summary }) => summary.failed.total),
      [0, 0, 0, 0],
    );
    return '4 variants of 20 examples';
  });
  await step('a corpus of HTML: the reader’s thread', async () => {
    write('page.html', '<html><head><title>Ferns</title></head><body><p>Ferns grow in the shade.</p></body></html>');
    const corpus = { ...parse(read('corpora/lab-world.yaml')), name: 'mine', sources: [{ path: 'page.html' }] };
    write('mine.yaml', stringify(corpus));
    await forge('ingest', 'mine.yaml');
    return undefined;
  });
  await step('an agent with a tool in TypeScript', async () => {
    const responses = [
      { match: 'Observation: 4.828032 km', text: 'Answer: 4.828032' },
      { match: 'Question:', text: 'Thought: miles.\nAction: convert-units {"value": 3, "from": "mi", "to": "km"}' },
    ];
    const experiment = {
      version: 1,
      name: 'units',
      dataset: { name: 'lab-world', split: 'calculator' },
      sample: 3,
      engine: { name: 'scripted', responses },
      method: { name: 'react', tools: [{ name: 'typescript-file', path: 'experiments/tools/units.ts' }] },
    };
    write('units.yaml', stringify(experiment));
    const { runs } = JSON.parse(await forge('run', 'units.yaml', '--json')) as Shown;
    const tools = runs[0]?.summary.tools;
    equals([tools?.calls, tools?.failed], [3, 0]);
    return '3 calls';
  });
  await step('forge train: language model', async () => {
    const small = { split: { train: 24, validation: 8 }, batch: { size: 2, accumulate: 1 }, maxSteps: 4, seeds: [1] };
    const { evaluation } = parse(read('experiments/sft-lab.yaml'));
    const [first] = evaluation.experiments;
    const file = changed('sft-lab', 'sft', {
      ...small,
      evaluation: { ...evaluation, experiments: [{ ...first, sample: 10 }] },
    });
    const { runs } = JSON.parse(await forge('train', file, '--json')) as { runs: { status: string; step: number }[] };
    equals(
      runs.map(({ status, step: at }) => [status, at]),
      [['finished', 4]],
    );
    return '4 steps, measured before and after';
  });
  await step('forge train: encoder', async () => {
    const labels = ['contradiction', 'entailment', 'neutral'];
    const rows = Array.from({ length: 24 }, (_, i) => ({
      premise: `Ann has ${i} cats.`,
      hypothesis: `Ann has ${i + (i % 3)} pets.`,
      label: labels[i % 3],
    }));
    write('claims.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const training = {
      version: 1,
      name: 'claims',
      trainer: 'native-encoder',
      model: 'models/lab-encoders/nli',
      data: { name: 'classification-json-lines', path: 'claims.jsonl' },
      objective: { name: 'classification', labels },
      lora: false,
      split: { train: 16, validation: 4 },
      batch: { size: 4, accumulate: 1 },
      maxSteps: 2,
      maxLength: 64,
    };
    write('claims.yaml', stringify(training));
    const { runs } = JSON.parse(await forge('train', 'claims.yaml', '--json')) as { runs: { status: string }[] };
    equals(
      runs.map(({ status }) => status),
      ['finished'],
    );
    return '2 steps';
  });
  await step('forge bench: a server of ours, loads at precise times', async () => {
    const { methods, optimisations, servers, load, ...rest } = parse(read('experiments/bench-lab.yaml'));
    const { baseline, server } = optimisations;
    const port = String(await freePort());
    const small = {
      ...rest,
      name: 'bench',
      methods: { naive: methods.naive },
      optimisations: { baseline, server },
      servers,
      sample: 6,
      repetitions: 1,
      load: {
        ...load,
        optimisations: ['server'],
        method: 'naive',
        requests: 12,
        warmUp: 2,
        arrivals: [{ poisson: 20 }],
      },
    };
    write('bench.yaml', stringify(small).replaceAll('8731', port));
    const { report } = JSON.parse(await forge('bench', 'bench.yaml', '--json')) as {
      report: { cells: { failed: number }[]; load: { points: { failed: number }[] }[] };
    };
    equals(
      report.cells.map(({ failed }) => failed),
      [0, 0],
    );
    equals(
      report.load[0]?.points.map(({ failed }) => failed),
      [0],
    );
    return '2 cells, 1 load';
  });
  await step('forge serve: API, its documentation, dashboard, a comparison', async () => {
    const server = await serve();
    const get = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.text();
    };
    try {
      equals(JSON.parse(await get('/api/overview')).version, version);
      says(await get('/'), /<html[\s\S]*_next\/static/);
      for (const [asset] of (await get('/')).matchAll(/\/_next\/static\/[^"\\]+\.(js|css)/g)) await get(asset);
      says(await get('/docs/swagger-ui.css'), /swagger/);
      const { items } = JSON.parse(await get('/api/experiments?text=quickstart'));
      const { runs } = JSON.parse(await get(`/api/experiments/${items[0].id}`)) as { runs: { id: string }[] };
      const compared = await get(`/api/compare?runs=${runs.map(({ id }) => id).join(',')}`);
      says(compared, /"better"/);
    } finally {
      equals(await server.stop(), 0);
    }
    return server.url;
  });
  console.log('the package does what the clone does');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
