/**
 * Fills a database with real results for a demo: runs offline experiments of this project, one after another. What is there and finished is
 * not run again, what was stopped goes on. Into DATABASE_URL, or the embedded database below FORGE_HOME. docs/deployment.md
 *
 * npm run seed-demo                        some minutes: experiments, with agents and retrieval
 * npm run seed-demo -- --all               also trainings and a benchmark, which take much longer
 * npm run seed-demo -- quickstart agent    these files of experiments/
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../packages/forge/src/errors.ts';
import { isBenchmarkText, parseBenchmark } from '../packages/forge/src/load-benchmark.ts';
import { loadExperiment } from '../packages/forge/src/load-experiment.ts';
import { isTrainingText, parseTraining } from '../packages/forge/src/load-training.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages/forge/src/cli/main.ts');
/** The last is the first that a visitor sees. */
const quick = ['faithfulness', 'reading', 'few-shot', 'self-consistency', 'quickstart', 'rag-ablation', 'agent'];
const long = ['sft-lab', 'dpo-lab', 'bench-lab'];

interface Stored {
  readonly id: string;
  readonly configHash: string;
  readonly report?: unknown;
  readonly runs?: readonly { status: string }[];
}
/** How a kind of file is run, gone on with and listed. */
interface Kind {
  readonly run: readonly string[];
  readonly resume: readonly string[];
  readonly list: readonly string[];
  isDone(stored: Stored): boolean;
}
const kinds: Readonly<Record<'experiment' | 'training' | 'benchmark', Kind>> = {
  experiment: {
    run: ['run'],
    resume: ['resume'],
    list: ['list'],
    isDone: ({ runs = [] }) => runs.every(({ status }) => status === 'finished'),
  },
  training: {
    run: ['train'],
    resume: ['train', '--resume'],
    list: ['trainings'],
    isDone: ({ report }) => report !== null,
  },
  benchmark: {
    run: ['bench'],
    resume: ['bench', '--resume'],
    list: ['benchmarks'],
    isDone: ({ report }) => report !== null,
  },
};

async function kindOf(file: string): Promise<{ kind: Kind; configHash: string }> {
  const text = readFileSync(join(root, file), 'utf8');
  if (isTrainingText(text)) return { kind: kinds.training, configHash: parseTraining(file, text).configHash };
  if (isBenchmarkText(text)) return { kind: kinds.benchmark, configHash: parseBenchmark(file, text).configHash };
  return { kind: kinds.experiment, configHash: (await loadExperiment(join(root, file))).configHash };
}

async function storedAs(configHash: string, { list }: Kind): Promise<Stored | undefined> {
  const options = { cwd: root, maxBuffer: 256 * 2 ** 20 };
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...list, '--limit', '1000', '--json'], options);
  return (JSON.parse(stdout).items as Stored[]).find((one) => one.configHash === configHash);
}

async function forge(args: readonly string[]): Promise<void> {
  console.log(`\n$ forge ${args.join(' ')}`);
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) process.exit(code ?? 1);
}

async function seed(name: string): Promise<void> {
  const file = `experiments/${name}.yaml`;
  const { kind, configHash } = await kindOf(file);
  const stored = await storedAs(configHash, kind);
  if (stored === undefined) return forge([...kind.run, file]);
  if (!kind.isDone(stored)) return forge([...kind.resume, stored.id]);
  console.log(`${file}: here already`);
}

const asked = process.argv.slice(2);
const names = asked.length === 0 ? quick : asked[0] === '--all' && asked.length === 1 ? [...long, ...quick] : asked;
const unknown = names.find((name) => !existsSync(join(root, `experiments/${name}.yaml`)));
if (unknown !== undefined) {
  console.error(`"${unknown}": no file of experiments/; give names such as ${quick.join(', ')}, or --all alone`);
  process.exit(2);
}
// The child says by itself that it was stopped; this waits for it.
process.on('SIGINT', () => {});
try {
  for (const name of names) await seed(name);
} catch (error) {
  console.error((error as { stderr?: string }).stderr || messageOf(error));
  process.exit(1);
}
console.log('\nseeded; look at it with: npm run forge -- serve --public-read-only');
