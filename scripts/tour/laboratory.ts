import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { forge } from '../../packages/forge/src/testing/forge-process.ts';
import { type ForgeServer, startForgeServer } from '../../packages/forge/src/testing/forge-server.ts';
import { freePort } from '../../packages/forge/src/testing/free-port.ts';

const root = join(import.meta.dirname, '..', '..');

/** What scenes show that takes longer than a film waits: real experiments, made before it in the same FORGE_HOME. */
export type Seed = 'quickstart' | 'rag-ablation' | 'agent' | 'training' | 'benchmark';

/** The dashboard's home shows what is newest: the experiments of their own, not those that measured a training. */
export const seedOrder: readonly Seed[] = ['training', 'benchmark', 'rag-ablation', 'agent', 'quickstart'];

/** About how long they take on two cores. */
export const seedSeconds: Readonly<Record<Seed, number>> = {
  quickstart: 20,
  'rag-ablation': 60,
  agent: 20,
  training: 180,
  benchmark: 120,
};

export interface StoredRun {
  readonly id: string;
  readonly variant: string;
}

export interface StoredExperiment {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly runs: readonly StoredRun[];
}

interface StoredExample {
  readonly exampleId: string;
  readonly toolUse: { readonly calls: readonly unknown[] } | null;
}

/** A real server with a database of its own, and its command line. */
export interface Laboratory {
  readonly url: string;
  /** Environment of commands that use its database. */
  readonly env: Readonly<Record<string, string>>;
  get<T>(path: string): Promise<T>;
  has(name: Seed): Promise<boolean>;
  make(name: Seed): Promise<void>;
  /** The newest experiment of that name. */
  experiment(name: string): Promise<StoredExperiment>;
  /** Examples of a run, at most 60. */
  examples(run: string, outcome: 'right' | 'wrong'): Promise<readonly StoredExample[]>;
  stop(): Promise<void>;
}

/** experiments/dpo-lab.yaml with two seeds, two changes to its setting and fewer questions: three minutes instead of ten. */
async function shortTraining(home: string): Promise<string> {
  const whole = parse(await readFile(join(root, 'experiments/dpo-lab.yaml'), 'utf8'), { merge: true });
  const kept = ['arithmetic', 'step-by-step', 'few-shot', 'reading'];
  const short = {
    ...whole,
    seeds: [1, 2],
    ablation: { 'objective.beta': [0.05, 0.1], 'objective.sftWeight': [0, 1] },
    evaluation: {
      ...whole.evaluation,
      experiments: whole.evaluation.experiments
        .filter(({ name }: { name: string }) => kept.includes(name))
        // The film asks some of the same questions, and is to compute its answers.
        .map((one: object) => ({ ...one, sample: 100, cache: false })),
    },
  };
  const file = join(home, 'dpo-lab.yaml');
  await writeFile(file, stringify(short, { aliasDuplicateObjects: false }));
  return file;
}

/** experiments/bench-lab.yaml with fewer examples and loads: two minutes instead of fifteen. */
async function shortBenchmark(home: string): Promise<string> {
  const whole = parse(await readFile(join(root, 'experiments/bench-lab.yaml'), 'utf8'));
  const port = String(await freePort());
  const text = JSON.stringify({
    ...whole,
    sample: 40,
    repetitions: 2,
    load: { ...whole.load, requests: 100, repetitions: 2 },
  }).replaceAll('8731', port);
  const file = join(home, 'bench-lab.yaml');
  await writeFile(file, stringify(JSON.parse(text)));
  return file;
}

export async function openLaboratory(home: string): Promise<Laboratory> {
  const env = { FORGE_HOME: home };
  const server: ForgeServer = await startForgeServer({ cwd: root, env });
  const { url } = server;

  async function get<T>(path: string): Promise<T> {
    const response = await fetch(`${url}/api${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async function runExample(name: string, sample?: number): Promise<void> {
    const written = await readFile(join(root, 'experiments', `${name}.yaml`), 'utf8');
    const source = sample === undefined ? written : `${written}sample: ${sample}\n`;
    const response = await fetch(`${url}/api/experiments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source, start: true }),
    });
    if (!response.ok) throw new Error(`${name} was not taken: ${response.status} ${await response.text()}`);
    const { id } = (await response.json()) as StoredExperiment;
    for (;;) {
      const { state } = await get<StoredExperiment>(`/experiments/${id}`);
      if (state === 'finished') return;
      if (state === 'failed') throw new Error(`the experiment ${name} failed:\n${server.output()}`);
      await sleep(500);
    }
  }

  /** Trains or measures from a file, through the database that the server lends. */
  async function command(name: 'train' | 'bench', file: string): Promise<void> {
    const { code, stderr } = await forge([name, file], { cwd: root, env });
    if (code !== 0) throw new Error(`forge ${name} ended with ${code}: ${stderr}`);
  }

  const newest = async (name: string) =>
    (await get<{ items: StoredExperiment[] }>(`/experiments?limit=100&text=${name}`)).items.find(
      (one) => one.name === name,
    );
  const isAny = async (list: string) => (await get<{ items: unknown[] }>(`/${list}?limit=1`)).items.length > 0;
  const ofExample = (name: string, sample?: number) => ({
    isThere: async () => (await newest(name)) !== undefined,
    make: () => runExample(name, sample),
  });

  const seeds: Readonly<Record<Seed, { isThere(): Promise<boolean>; make(): Promise<void> }>> = {
    quickstart: ofExample('quickstart'),
    'rag-ablation': ofExample('rag-ablation'),
    agent: ofExample('agent', 60),
    training: { isThere: () => isAny('trainings'), make: async () => command('train', await shortTraining(home)) },
    benchmark: { isThere: () => isAny('benchmarks'), make: async () => command('bench', await shortBenchmark(home)) },
  };

  return {
    url,
    env,
    get,
    has: (name) => seeds[name].isThere(),
    make: (name) => seeds[name].make(),
    async experiment(name) {
      const found = await newest(name);
      if (found === undefined) throw new Error(`no experiment called ${name} is stored`);
      return found;
    },
    async examples(run, outcome) {
      const path = `/runs/${run}/results?limit=60&outcome=${outcome}`;
      return (await get<{ items: StoredExample[] }>(path)).items;
    },
    stop: async () => void (await server.stop()),
  };
}
