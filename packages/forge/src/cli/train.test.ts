import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { CheckedFinding } from '../check-finding.ts';
import type { Finding } from '../read-finding.ts';
import { drills } from '../testing/drills.ts';
import { type ForgeResult, forge } from '../testing/forge-process.ts';
import { startHubPushServer } from '../testing/hub-push-server.ts';
import type { TrainingRecord, TrainingRunRecord } from '../training-record.ts';
import type { TrainingReport } from '../training-report.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-train-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** experiments/dpo-lab.yaml with few steps over few rows, and what else is given. */
async function smallFile(name: string, changes: Record<string, unknown>): Promise<string> {
  const whole = parse(await readFile(join(root, 'experiments/dpo-lab.yaml'), 'utf8'));
  const [arithmetic] = whole.evaluation.experiments;
  const evaluation = {
    ...whole.evaluation,
    experiments: [{ ...arithmetic, sample: 6 }],
    ablation: ['arithmetic', 'pairs'],
  };
  const { ablation: _, ...plain } = whole;
  const small = { split: { train: 24, validation: 8, test: 8 }, batch: { size: 2, accumulate: 1 }, seeds: [1] };
  const file = join(dir, `${name}.yaml`);
  await writeFile(file, stringify({ ...plain, name, evaluation, ...small, maxSteps: 4, ...changes }));
  return file;
}

/** Training alone. */
const unmeasured = { split: { train: 24, validation: 8 }, evaluation: {} };

const run = (home: string, args: readonly string[], onStart?: (child: ChildProcess) => void): Promise<ForgeResult> =>
  forge(args, { cwd: root, env: { FORGE_HOME: join(dir, home) }, ...(onStart === undefined ? {} : { onStart }) });

interface Shown {
  training: TrainingRecord & { report: TrainingReport };
  runs: TrainingRunRecord[];
}

/** Sends a signal once the program has said this on stderr. */
const signalAt = (text: string, signal: NodeJS.Signals) => (child: ChildProcess) => {
  let said = '';
  child.stderr?.on('data', function wait(part: string) {
    said += part;
    if (!said.includes(text)) return;
    child.stderr?.off('data', wait);
    child.kill(signal);
  });
};

const adapterBytes = ({ runs }: Shown, position: number) =>
  readFile(join(runs[position]?.folder ?? '', 'adapter/adapter_model.safetensors'));

describe('forge train on the lab model', () => {
  let shown: Shown;

  it('goes from the file to an adapter and a finding, ablation included', async () => {
    const file = await smallFile('small', { ablation: { 'objective.beta': [0.1, 0.5] } });
    const { code, stdout, stderr } = await run('whole', ['train', file, '--json']);
    expect(stderr).not.toContain('forge:');
    expect(code).toBe(0);
    shown = JSON.parse(stdout);
    expect(shown.runs.map(({ variant, status, step }) => [variant, status, step])).toEqual([
      ['beta=0.1, seed=1', 'finished', 4],
      ['beta=0.5, seed=1', 'finished', 4],
    ]);
    const { report } = shown.training;
    expect(report.data.counts).toEqual({ train: 24, validation: 8, test: 8 });
    const metrics = ['preference-accuracy', 'log-margin', 'reward-margin', 'reward-accuracy'];
    const own = ['arithmetic/numeric-match', 'arithmetic/answer-length', 'arithmetic/win-rate'];
    for (const group of ['beta=0.1', 'beta=0.5']) {
      const found = report.groups.filter((one) => one.group === group);
      expect(found.map(({ metric }) => metric)).toEqual([...metrics, ...own]);
      expect(found.every(({ main }) => main === (group === 'beta=0.1'))).toBe(true);
    }
    expect(report.verdicts).toHaveLength(5);
  }, 240_000);

  it('leaves artifacts that are what they say', async () => {
    for (const { folder, artifacts } of shown.runs) {
      expect(artifacts.map(({ kind }) => kind)).toEqual(['peft-adapter', 'gguf-adapter', 'model-card']);
      for (const { kind, path, sha256, sizeBytes } of artifacts) {
        const file = join(folder ?? '', path, ...(kind === 'peft-adapter' ? ['adapter_model.safetensors'] : []));
        expect((await stat(file)).size).toBe(sizeBytes);
        expect(
          createHash('sha256')
            .update(await readFile(file))
            .digest('hex'),
        ).toBe(sha256);
      }
    }
  });

  it('measured by ordinary experiments: the trained model finds the chosen answers likelier than before', async () => {
    const { report } = shown.training;
    expect(report.evaluations.map(({ name, variant }) => [name, variant])).toEqual([
      ['small-pairs', 'beta=0.1, seed=1'],
      ['small-arithmetic', 'beta=0.1, seed=1'],
      ['small-pairs-ablation', 'beta=0.5, seed=1'],
      ['small-arithmetic-ablation', 'beta=0.5, seed=1'],
    ]);
    const finding: Finding = JSON.parse(
      (await run('whole', ['show', report.evaluations[0]?.experimentId ?? '', '--json'])).stdout,
    );
    expect(finding.runs.map((one) => one.run.variant)).toEqual(['before', 'after']);
    expect(finding.comparisons).toHaveLength(1);
    const margin = report.groups.find(({ metric, main }) => metric === 'log-margin' && main);
    expect(margin?.difference?.low).toBeGreaterThan(0);
    const reward = report.groups.find(({ metric, main }) => metric === 'reward-margin' && main);
    expect(reward?.after.value).toBeCloseTo(0.1 * (margin?.difference?.value ?? 0), 9);
    // What the trainer itself saw of other rows is of the same size.
    const outcome = shown.runs[0]?.outcome as { validation: { after: { preference: { margin: number } } } };
    expect(Math.abs(outcome.validation.after.preference.margin / (reward?.after.value ?? 0) - 1)).toBeLessThan(0.5);
  }, 240_000);

  it('is what findings can speak of: the stored training is read again', async () => {
    const claims = ['log-margin(pairs: after) - log-margin(pairs: before) > 0', 'f1(pairs: later) > 0'];
    const finding = (claim: string, n: string) =>
      `version: 1\nname: small\nquestion: Does it learn?\ntraining: small.yaml\nclaims: ['${claim}']\nplan: { n: ${n} }\n`;
    const check = async (name: string, text: string) => {
      await writeFile(join(dir, name), text);
      return run('whole', ['findings', 'check', join(dir, name), '--json']);
    };
    const { code, stdout } = await check('learns.yaml', finding(claims[0] ?? '', '{ pairs: 8 }'));
    const [checked] = JSON.parse(stdout) as CheckedFinding[];
    expect(checked).toMatchObject({ verdict: 'supported', departures: [], measured: { id: shown.training.id } });
    expect(code).toBe(0);
    const unplanned = await check('unplanned.yaml', finding(claims[0] ?? '', '{ arithmetic: 8 }'));
    expect(unplanned.stderr).toContain('plan.n: nothing is planned for "pairs". Planned: arithmetic');
    const unknown = await check('unknown.yaml', finding(claims[1] ?? '', '8'));
    expect(unknown.stderr).toContain(
      'has no variant "pairs: later". Known variants: pairs: before, pairs: after, arith',
    );
  });

  it('is shown again, listed, and says how an experiment uses the adapter', async () => {
    const { id } = shown.training;
    expect(JSON.parse((await run('whole', ['show', id, '--json'])).stdout)).toEqual(shown);
    const text = (await run('whole', ['show', id])).stdout;
    for (const part of ['Verdicts', 'Ablation', 'numeric-match on arithmetic', 'beta=0.5'])
      expect(text).toContain(part);
    expect((await run('whole', ['trainings'])).stdout).toMatch(new RegExp(`${id}.*small.*2/2 finished`));
    const engine = /^ {2}engine: (.*)$/m.exec(text)?.[1] ?? '';
    const experiment = join(dir, 'use.yaml');
    const variants = { before: { engine: { ...parse(engine), lora: [] } }, after: { engine: parse(engine) } };
    const dataset = { name: 'lab-world', split: 'arithmetic' };
    await writeFile(experiment, stringify({ version: 1, name: 'use', dataset, sample: 2, method: 'naive', variants }));
    expect((await run('whole', ['run', experiment])).code).toBe(0);
  }, 240_000);

  it.runIf(drills)(
    'gives the same adapters after kill -9 in the middle of a run, and does nothing twice',
    async () => {
      const changes = { ...unmeasured, seeds: [1, 2], maxSteps: 12, evaluateEvery: 1, checkpointEvery: 2 };
      const file = await smallFile('killed', changes);
      const whole: Shown = JSON.parse((await run('reference', ['train', file, '--json'])).stdout);
      const killed = await run('killed', ['train', file], signalAt('seed=2: step 5: validation', 'SIGKILL'));
      expect(killed.signal).toBe('SIGKILL');
      const resumed = await run('killed', ['train', '--resume', '--json']);
      expect(resumed.code).toBe(0);
      expect(resumed.stderr).toMatch(/seed=2: .* going on after step (4|6|8|10)$/m);
      expect(resumed.stderr).not.toContain('seed=1: ');
      const again: Shown = JSON.parse(resumed.stdout);
      for (const position of [0, 1])
        expect((await adapterBytes(again, position)).equals(await adapterBytes(whole, position))).toBe(true);
    },
    240_000,
  );

  it('stops in order on Ctrl-C and goes on where it was', async () => {
    const file = await smallFile('stopped', { ...unmeasured, maxSteps: 8, evaluateEvery: 1, checkpointEvery: 2 });
    const stopped = await run('stopped', ['train', file], signalAt('seed=1: step 3: validation', 'SIGINT'));
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('forge train --resume');
    expect((await run('stopped', ['trainings'])).stdout).toContain('0/1 finished');
    const resumed = await run('stopped', ['train', '--resume', '--json', '--log-format', 'json']);
    expect(resumed.code).toBe(0);
    const messages = resumed.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).message);
    expect(messages).toEqual(
      expect.arrayContaining([
        'training run started',
        'training progress',
        'training validation',
        'training run finished',
      ]),
    );
    expect(JSON.parse(resumed.stdout).runs[0]).toMatchObject({ status: 'finished', step: 8 });
  }, 240_000);

  it('puts adapter, GGUF and model card on the hub where the file says so', async () => {
    const hub = await startHubPushServer('hf_tokenOfTheTest', 'lab');
    try {
      const file = await smallFile('pushed', { ...unmeasured, push: 'lab/pushed' });
      const env = { FORGE_HOME: join(dir, 'pushed'), HF_ENDPOINT: hub.url, HF_TOKEN: 'hf_tokenOfTheTest' };
      const result = await forge(['train', file], { cwd: root, env });
      expect(result.code, result.stderr).toBe(0);
      const pushed = hub.repos.get('lab/pushed');
      expect(pushed?.isPrivate).toBe(true);
      expect([...(pushed?.files.keys() ?? [])]).toEqual(
        expect.arrayContaining(['README.md', 'adapter.gguf', 'adapter_config.json', 'adapter_model.safetensors']),
      );
      expect(result.stdout + result.stderr).not.toContain('hf_tokenOfTheTest');
    } finally {
      await hub.close();
    }
  }, 120_000);

  it('is planned and checked without a step', async () => {
    const file = await smallFile('planned', { ablation: { 'objective.beta': [0.05] } });
    const plan = JSON.parse((await run('whole', ['plan', file, '--json'])).stdout);
    expect(plan).toMatchObject({ steps: 4, rows: 24, runs: ['beta=0.1, seed=1', 'beta=0.05, seed=1'] });
    expect(plan.memoryBytes).toBeGreaterThan(1e7);
    expect((await run('whole', ['validate', file])).stdout).toContain('2 runs');
  }, 240_000);

  it('says what to mend', async () => {
    const missing = await smallFile('missing', { data: { name: 'preference-json-lines', path: 'nothing.jsonl' } });
    const found = await run('whole', ['train', missing]);
    expect(found.code).toBe(2);
    expect(found.stderr).toMatch(/forge: .*nothing\.jsonl.*no such file/);
    expect((await run('whole', ['train'])).stderr).toContain('takes a training file, or --resume');
    expect((await run('whole', ['train', '--resume', 'ffffffff'])).stderr).toContain('forge trainings shows');
  }, 240_000);
});
