import { execFileSync, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { env, execPath, kill } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Notice, Surroundings } from '../definition.ts';
import { ConfigError, TrainerError } from '../errors.ts';
import type { TrainEvent, TrainJob, TrainStep } from '../trainer.ts';
import { trainingSettings } from '../training-settings.ts';
import { definition } from './trl.ts';

const fixtures = fileURLToPath(new URL('./native/fixtures', import.meta.url));
const labModel = resolve('models/lab');
const pairs = (await readFile(join(fixtures, 'pairs.jsonl'), 'utf8')).trim().split('\n');
/** Stock TRL's figures: benchmarks/trl_reference.py. */
const reference = JSON.parse(await readFile(join(fixtures, 'trl-reference.json'), 'utf8'));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-trl-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function surroundings(more: Partial<Surroundings> = {}): Surroundings {
  return {
    baseDir: folder,
    cacheDir: join(folder, 'cache'),
    env,
    allowPrograms: true,
    now: Date.now,
    notify() {},
    ...more,
  };
}

const small = {
  objective: { name: 'dpo' },
  batch: { size: 4, accumulate: 1 },
  optimizer: { warmup: 0, learningRate: 1e-3 },
};

async function jobOf(
  settings: object = {},
  rows: readonly string[] = pairs.slice(0, 16),
  heldOut: readonly string[] = pairs.slice(90),
): Promise<TrainJob> {
  const [train, validation] = [join(folder, 'train.jsonl'), join(folder, 'validation.jsonl')];
  await writeFile(train, rows.map((row) => `${row}\n`).join(''));
  await writeFile(validation, heldOut.map((row) => `${row}\n`).join(''));
  return {
    folder: join(folder, 'job'),
    model: { path: labModel, reference: 'models/lab' },
    rows: {
      train,
      trainCount: rows.length,
      validation,
    },
    settings: trainingSettings.parse({ ...small, ...settings }),
  };
}

const create = (options: object, parts = surroundings()) => definition.create(definition.options.parse(options), parts);

async function collect(events: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const found: TrainEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}
const train = async (options: object, job: TrainJob, signal?: AbortSignal) =>
  collect((await create(options)).train(job, signal));
const stepsOf = (events: readonly TrainEvent[]): TrainStep[] => events.filter((event) => event.type === 'step');
const last = (events: readonly TrainEvent[]) => events.at(-1) as Extract<TrainEvent, { type: 'finished' }>;

/** Speaks as train.py does and trains nothing: for what a real one does only rarely. */
const standIn = `
import { createInterface } from 'node:readline';
import { writeFileSync } from 'node:fs';
const [mode, pidFile] = process.argv.slice(2);
if (pidFile) writeFileSync(pidFile, String(process.pid));
if (mode === 'slow') await new Promise((done) => setTimeout(done, 1500));
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
const finished = (step, reason) => say({ type: 'finished', step, reason, wallMs: 1, peakMemoryBytes: 1 });
const step = (n, rate) => say({ type: 'step', step: n, epoch: n / 4, loss: 1 / n, learningRate: rate, gradientNorm: 1, tokens: 8, tookMs: 1 });
const started = { type: 'started', totalSteps: 4, doneSteps: 0, rows: 16, leftOut: 0, parameters: { trained: 1, total: 2 }, memoryBytes: null, environment: { trainer: 'stand-in' } };
const file = (path, text, last) => say({ type: 'file', path, data: Buffer.from(text).toString('base64'), last });
let rows = 0;
if (mode === 'greets') process.stdout.write('Welcome to gpu-box!\\n\\n*** 3 updates are available ***\\n');
if (mode === 'babbles') for (let i = 0; i < 1000; i++) process.stdout.write('nonsense\\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  let message;
  try { message = JSON.parse(line); } catch { return; }
  if (message.split === 'train') rows++;
  if (message.type === 'rows-end') say({ type: 'rows', train: mode === 'none-fit' ? 0 : rows });
  if (message.type === 'cancel' && mode !== 'stubborn') { say({ type: 'checkpoint', step: 1 }); finished(1, 'cancelled'); process.exit(0); }
  if (message.type === 'received') process.exit(0);
  if (message.type !== 'plan') return;
  say(started);
  step(1, message.factors[0]);
  if (mode === 'waits' || mode === 'stubborn') return;
  if (mode === 'wrong') return say({ type: 'step', step: 'two' });
  if (mode === 'fails') { console.error('Traceback: the disk is full'); process.exit(1); }
  if (mode === 'killed') { say({ type: 'checkpoint', step: 1 }); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50); return; }
  if (mode === 'diverges') { say({ type: 'error', kind: 'trainer', message: 'the loss is nan' }); process.exit(1); }
  if (mode === 'too-large') { say({ type: 'error', kind: 'config', message: 'does not fit into memory' }); process.exit(1); }
  for (let n = 2; n <= message.factors.length; n++) step(n, message.factors[n - 1]);
  if (mode !== 'no-result') { file('adapter/adapter_config.json', '{"order":' + JSON.stringify(message.order), false); file('adapter/adapter_config.json', '}', true); }
  finished(message.factors.length, 'completed');
  if (mode === 'no-result') process.exit(0);
});
`;

async function standInCommand(mode: string, ...more: string[]): Promise<{ command: string[] }> {
  const program = join(folder, 'stand-in.mjs');
  await writeFile(program, standIn);
  return { command: [execPath, program, mode, ...more] };
}

describe('the process that trains', () => {
  test.each(['works', 'greets', 'slow'])('gets the job and hands back events and files: one that %s', async (mode) => {
    const job = await jobOf({ shuffle: false });
    const events = await train(await standInCommand(mode), job);
    expect(events.map((event) => event.type)).toEqual(['started', 'step', 'step', 'step', 'step', 'finished']);
    expect(stepsOf(events).map((step) => step.learningRate)).toEqual([1, 0.75, 0.5, 0.25]);
    const adapter = JSON.parse(await readFile(join(job.folder, 'adapter', 'adapter_config.json'), 'utf8'));
    expect(adapter.order).toEqual(Array.from({ length: 16 }, (_, index) => index));
    expect(await readdir(job.folder)).toEqual(['adapter']);
  });

  test.each([
    ['fails', TrainerError, /after step 1 \(exit code 1; it said: Traceback: the disk is full\).*checkpoint of step 0/],
    ['killed', TrainerError, /after step 1 \(SIGKILL\).*checkpoint of step 1/],
    ['wrong', TrainerError, /what is no event: \{"type":"step","step":"two"\}/],
    ['babbles', TrainerError, /no events: nonsense/],
    ['diverges', TrainerError, /the loss is nan/],
    ['too-large', ConfigError, /does not fit into memory/],
    ['none-fit', ConfigError, /maxLength: 1024 tokens are too few for every training row/],
    ['no-result', TrainerError, /without its result/],
  ])('that %s is an error with words', async (mode, kind, words) => {
    const failure = await train(await standInCommand(mode), await jobOf()).catch((error) => error);
    expect(failure).toBeInstanceOf(kind);
    expect(failure.message).toMatch(words);
  });

  test('that is cancelled writes its checkpoint first', async () => {
    const controller = new AbortController();
    const trainer = await create(await standInCommand('waits'));
    const events: TrainEvent[] = [];
    for await (const event of trainer.train(await jobOf(), controller.signal)) {
      events.push(event);
      if (event.type === 'step') controller.abort();
    }
    expect(events.slice(-2)).toMatchObject([
      { type: 'checkpoint', step: 1 },
      { reason: 'cancelled', step: 1 },
    ]);
  });

  test.each(['stubborn', 'slow'])(
    'that is cancelled and does not end in time is killed: one that is %s',
    async (mode) => {
      const controller = new AbortController();
      const trainer = await create({ ...(await standInCommand(mode)), stopSeconds: 0.1 });
      if (mode === 'slow') void setTimeout(300).then(() => controller.abort());
      const events: TrainEvent[] = [];
      for await (const event of trainer.train(await jobOf(), controller.signal)) {
        events.push(event);
        if (event.type === 'step') controller.abort();
      }
      expect(last(events)).toMatchObject({ type: 'finished', reason: 'cancelled', step: 0 });
    },
  );

  test('ends with the process that started it, also where that is killed', async () => {
    const pidFile = join(folder, 'pid');
    const { command } = await standInCommand('waits', pidFile);
    const source = `
      import { definition } from ${JSON.stringify(pathToFileURL(fileURLToPath(new URL('./trl.ts', import.meta.url))).href)};
      const [options, parts, job] = JSON.parse(process.argv[2]);
      const trainer = await definition.create(definition.options.parse(options), { ...parts, env: process.env, now: Date.now, notify() {} });
      for await (const event of trainer.train(job)) console.log(event.type);`;
    const starter = join(folder, 'starter.mjs');
    await writeFile(starter, source);
    const { baseDir, cacheDir } = surroundings();
    const given = JSON.stringify([{ command }, { baseDir, cacheDir, allowPrograms: true }, await jobOf()]);
    const parent = spawn(execPath, [starter, given], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const text of parent.stdout) if (String(text).includes('step')) break;
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(() => kill(pid, 0)).not.toThrow();
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch {
    return false;
  }
}

describe('what cannot work is said before anything starts', () => {
  test.each([
    [{ optimizer: { name: 'muon' } }, {}, /optimizer.name: the trainer trl has no muon/],
    [{ objective: { name: 'sft' }, batch: { packTokens: 64 } }, {}, /batch.packTokens/],
    [{ objective: { name: 'pretrain' } }, {}, /lora: pretrain/],
    [{ objective: { name: 'listwise' } }, {}, /objective: listwise is for encoders.*take the trainer native-encoder/],
    [{ objective: { name: 'dpo', loss: 'ipo', labelSmoothing: 0.1 } }, {}, /objective.labelSmoothing: 0.1/],
    [{ lora: false }, { quantization: '4bit' }, /quantization: 4bit trains adapters only/],
    [{}, { python: '/no/such/python' }, /"\/no\/such\/python" cannot be started \(ENOENT\)/],
  ])('%j %j', async (settings, options, words) => {
    const failure = await train({ python: execPath, ...options }, await jobOf(settings)).catch((error) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(failure.message).toMatch(words);
  });

  test('programs are not started where configs come over a network', () => {
    const over = surroundings({ allowPrograms: false });
    expect(() => create({ python: 'python3' }, over)).toThrow(/python: "python3" is not started/);
    expect(() => create({ command: ['ssh', 'box'] }, over)).toThrow(/command: "ssh" is not started/);
    expect(() => create({ command: ['ssh'], python: 'python3' })).toThrow(/give one of them/);
  });
});

/** The first that answers, or undefined. */
const firstPython = (script: string, ...candidates: (string | undefined)[]) =>
  candidates.find((python) => {
    try {
      if (python !== undefined) execFileSync(python, ['-c', script], { stdio: 'ignore' });
      return python !== undefined;
    } catch {
      return false;
    }
  });
const plain = firstPython('import sys, venv; sys.exit(sys.version_info < (3, 11))', 'python3');

describe.skipIf(plain === undefined)(
  'a Python without the packages (skipped where there is no python3 from 3.11 on)',
  () => {
    test('says which is missing and where the list is', { timeout: 60_000 }, async () => {
      const command = [plain as string, '-I', '-S', '-c', 'exec(input())'];
      const failure = await train({ command }, await jobOf()).catch((error) => error);
      expect(failure).toBeInstanceOf(ConfigError);
      expect(failure.message).toMatch(/lacks a package \(No module named '\w+'\); install .*requirements\.txt/);
    });

    test('an environment that cannot be installed says what to do, and shows no password', {
      timeout: 120_000,
    }, async () => {
      const parts = surroundings({
        env: {
          PATH: env.PATH,
          HOME: folder,
          PIP_CONFIG_FILE: '/dev/null',
          PIP_RETRIES: '0',
          PIP_INDEX_URL: 'http://me:hunter22@127.0.0.1:9/simple',
        },
      });
      const trainer = await create({ environment: 'venv' }, parts);
      const failure = await collect(trainer.train(await jobOf())).catch((error) => error);
      expect(failure).toBeInstanceOf(ConfigError);
      expect(failure.message).toMatch(/could not be installed with venv .*PIP_INDEX_URL, or give python/);
      expect(failure.message).not.toContain('hunter22');
      expect(await readdir(join(parts.cacheDir, 'trl-environments'))).toEqual([]);
    });
  },
);

test('an environment is made once, with progress, and used again', async () => {
  // A uv that makes a folder whose Python is the stand-in.
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await standInCommand('works');
  const uv = `#!/bin/sh
echo "$@" >> "${folder}/calls"
if [ "$1" = venv ]; then
  for last; do :; done
  mkdir -p "$last/bin"
  printf '#!/bin/sh\\nexec "${execPath}" "${folder}/stand-in.mjs" no-result\\n' > "$last/bin/python"
  chmod +x "$last/bin/python"
else
  echo "Downloading torch (100 MiB)" >&2
fi
`;
  await writeFile(join(bin, 'uv'), uv, { mode: 0o755 });
  const notices: Notice[] = [];
  const parts = surroundings({ env: { ...env, PATH: `${bin}:${env.PATH}` }, notify: (notice) => notices.push(notice) });
  for (const name of ['first', 'second']) {
    const trainer = await create({}, parts);
    const events = await collect(trainer.train({ ...(await jobOf()), folder: join(folder, name) }));
    expect(last(events).reason).toBe('completed');
  }
  const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  expect(calls.map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual(['venv --quiet', 'pip install']);
  expect(calls[1]).toMatch(/-r \S+trl\/requirements\.txt$/);
  expect(notices.map((notice) => notice.message)).toContainEqual(expect.stringContaining('Downloading torch'));
});

const python = firstPython('import trl, peft', env.FORGE_TEST_PYTHON, 'python3');

/** Loading PyTorch takes its time on a busy machine. */
describe.skipIf(python === undefined)(
  'TRL itself on the lab model (skipped where neither FORGE_TEST_PYTHON nor python3 has trl)',
  { timeout: 600_000 },
  () => {
    test('has the figures of stock TRL; killed, it goes on from its checkpoint as if nothing had been', async () => {
      const job = await jobOf({ ...reference.runs.sigmoid.settings, checkpointEvery: 2 }, pairs);
      await cp(join(fixtures, 'initial-adapter'), join(job.folder, 'initial-adapter'), { recursive: true });
      const trainer = await create({ python, threads: 2, precomputeReference: false });
      const first: TrainEvent[] = [];
      // Leaving the loop kills the process.
      for await (const event of trainer.train({ ...job, rows: { ...job.rows, validation: null } })) {
        first.push(event);
        if (event.type === 'step' && event.step === 3) break;
      }
      for (const step of stepsOf(first)) {
        const golden = reference.runs.sigmoid.steps[step.step - 1];
        expect(step.tokens).toBe(golden.tokens);
        for (const name of ['loss', 'learningRate', 'gradientNorm'] as const)
          expect(step[name]).toBeCloseTo(golden[name], 4);
        expect(step.preference?.margin).toBeCloseTo(golden.preference.margin, 4);
        expect(step.preference?.chosenLogprob).toBeCloseTo(golden.preference.chosenLogprob, 3);
      }
      const controller = new AbortController();
      const again: TrainEvent[] = [];
      for await (const event of trainer.train({ ...job, rows: { ...job.rows, validation: null } }, controller.signal)) {
        again.push(event);
        if (event.type === 'step' && event.step === 3) controller.abort();
      }
      expect(again[0]).toMatchObject({ type: 'started', doneSteps: 2, totalSteps: 50, parameters: { trained: 61440 } });
      const { tookMs, ...third } = stepsOf(first)[2] as TrainStep;
      expect(stepsOf(again)[0]).toMatchObject(third);
      expect(again.slice(-2)).toMatchObject([{ type: 'checkpoint' }, { type: 'finished', reason: 'cancelled' }]);
    });

    test('leaves an adapter that does better on rows it has not seen', async () => {
      const settings = {
        optimizer: { learningRate: 2e-3, warmup: 0 },
        epochs: 3,
        evaluateEvery: 4,
        checkpointEvery: 100,
        maxLength: 80,
        lora: { rank: 4, alpha: 8, dropout: 0.1 },
      };
      // Pairs of the model's own answers, which training tells apart whatever the weights are.
      const own = (await readFile(resolve('datasets/lab-world/pairs.jsonl'), 'utf8')).trim().split('\n', 34);
      const rows = own.map((line) => JSON.stringify({ kind: 'preference', ...JSON.parse(line) }));
      const job = await jobOf(settings, rows.slice(0, 24), rows.slice(24));
      const events = await train({ python, threads: 2 }, job);
      const started = events[0] as Extract<TrainEvent, { type: 'started' }>;
      expect(started.rows + started.leftOut).toBe(24);
      expect(started.leftOut).toBeGreaterThan(0);
      const looks = events.filter((event) => event.type === 'validation');
      expect(looks[0]).toMatchObject({ step: 0, loss: expect.closeTo(Math.log(2), 5) });
      expect(looks.at(-1)?.loss).toBeLessThan(0.3);
      expect(last(events)).toMatchObject({ reason: 'completed', step: started.totalSteps });
      const config = JSON.parse(await readFile(join(job.folder, 'adapter', 'adapter_config.json'), 'utf8'));
      expect(config).toMatchObject({ peft_type: 'LORA', r: 4, lora_alpha: 8, base_model_name_or_path: 'models/lab' });
      expect(await readdir(join(job.folder, 'adapter'))).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    });

    test('trains texts by a command in a folder that shares nothing, with the figures of stock TRL, and stops early', async () => {
      const home = join(folder, 'elsewhere');
      await mkdir(home);
      const rows = pairs.map((line) => {
        const { id, prompt, chosen } = JSON.parse(line);
        const segments = [
          { text: prompt, weight: 0 },
          { text: chosen, weight: 1, stop: true },
        ];
        return JSON.stringify({ kind: 'text', id, segments });
      });
      // No fall of the loss is large enough.
      const early = { evaluateEvery: 1, earlyStop: { patience: 2, minDelta: 100 } };
      const job = await jobOf({ ...reference.runs.sft.settings, ...early }, rows);
      await writeFile(job.rows.validation as string, rows.slice(0, 3).join('\n'));
      await cp(join(fixtures, 'initial-adapter'), join(job.folder, 'initial-adapter'), { recursive: true });
      const program = `cd '${home}' && exec env -i HOME='${home}' PATH="$PATH" '${python}' -c 'exec(input())'`;
      const events = await train({ command: ['sh', '-c', program], threads: 2 }, job);
      expect(events.filter((event) => event.type === 'validation').map(({ step, n }) => [step, n])).toEqual([
        [0, 3],
        [1, 3],
        [2, 3],
      ]);
      expect(last(events)).toMatchObject({ reason: 'early-stop', step: 2 });
      for (const step of stepsOf(events)) {
        const golden = reference.runs.sft.steps[step.step - 1];
        expect(step.loss).toBeCloseTo(golden.loss, 4);
        expect(step.gradientNorm).toBeCloseTo(golden.gradientNorm, 4);
        // The end token is predicted and not read.
        expect(step.tokens).toBe(golden.tokens - 8);
      }
      expect(await readdir(join(job.folder, 'adapter'))).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
      expect(await readdir(join(home, '.cache/llm-forge/trainings'))).toEqual([]);
    });
  },
);
