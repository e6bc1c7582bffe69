import type { Store } from '../store.ts';
import { hardTexts, range } from './contract-helpers.ts';
import { exampleUse } from './example-benchmarks.ts';
import { exampleCall, exampleProvenance, exampleResult } from './example-results.ts';
import { exampleReport, exampleTraining, trainingStart, trainStep, validation } from './example-trainings.ts';

export interface Filled {
  /** A finished experiment of two runs, with a benchmark on it. */
  readonly experimentId: string;
  readonly runIds: readonly string[];
  /** Deleted, long ago. */
  readonly deletedId: string;
  readonly trainingId: string;
  readonly benchmarkId: string;
}

/** Examples of the first run of the finished experiment; the second has as many as there are hard texts. */
export const filledExamples = 1200;

const generation = (text: string) => ({
  text,
  finishReason: 'stop' as const,
  usage: { promptTokens: 3, completionTokens: 2, cachedPromptTokens: 0 },
  timing: { queuedMs: 0, prefillMs: 1.1, decodeMs: 2.2, computeMs: 3.3, totalMs: 3.3 },
  cached: false,
  retries: 0,
});

async function fillTraining(store: Store, experimentId: string): Promise<string> {
  const { training, runs } = await store.createTraining(exampleTraining(`training ${hardTexts[0]}`));
  const id = runs[0]?.id ?? '';
  await store.startTrainingRun(id, { folder: '/trained/here', provenance: { seed: 1 }, startedAt: 1_700_000_000_000 });
  await store.addTrainEvents(id, [trainingStart(20), trainStep(1), trainStep(2), validation(2)]);
  const sha256 = 'ab'.repeat(32);
  await store.finishTrainingRun(id, {
    status: 'finished',
    wallMs: 12.5,
    finishedAt: 1_700_000_100_000,
    artifacts: [{ kind: 'peft-adapter', path: 'adapter', sha256, sizeBytes: 1234 }],
    outcome: { loss: 0.1 + 0.2 },
  });
  await store.saveTrainingReport(training.id, exampleReport([experimentId]));
  return training.id;
}

/** Puts rows into every table, through the store, with texts that are hard to keep: for tests of what copies tables. */
export async function fillStore(store: Store): Promise<Filled> {
  const { experiment, runs } = await store.createExperiment({
    name: `filled ${hardTexts[0]}`,
    source: hardTexts.join('\n'),
    config: { description: 'all of it', texts: hardTexts },
    configHash: 'hash-of-it',
    runs: [
      { variant: 'long', spec: { method: { name: 'naive' } } },
      { variant: 'hard', spec: { method: { name: 'rag' } } },
    ],
  });
  const runIds = runs.map(({ id }) => id);
  const [long = '', hard = ''] = runIds;
  await store.startRun(long, { total: filledExamples, provenance: exampleProvenance, startedAt: 1_700_000_000_000 });
  for (const from of range(0, filledExamples / 400))
    await store.addResults(
      long,
      range(400 * from, 400 * (from + 1)).map((i) => exampleResult(i)),
    );
  await store.startRun(hard, { total: hardTexts.length, provenance: exampleProvenance, startedAt: 1_700_000_000_000 });
  await store.addResults(
    hard,
    hardTexts.map((text, i) =>
      exampleResult(i, {
        exampleId: `${i} ${text}`,
        question: text,
        answer: text,
        latencyMs: 0.1 + 0.2,
        calls: [exampleCall(0, { prompt: text, output: text }), exampleCall(1, { cached: true })],
        ...(i % 2 === 0 ? {} : { failure: { kind: 'timeout', message: text }, cluster: text }),
      }),
    ),
  );
  const end = { status: 'finished' as const, wallMs: 1.25, finishedAt: 1_700_000_050_000 };
  const tokens = { prompt: 12, completion: 3 };
  for (const id of runIds) await store.finishRun(id, { ...end, summary: { n: 3, calls: 4, tokens } });
  const headline = { baseline: 'long', candidate: 'hard', verdict: 'tied', sentence: hardTexts[3] as string };
  await store.saveFinding(experiment.id, { any: hardTexts }, [headline]);

  const deleted = await store.createExperiment({
    name: 'deleted',
    source: '',
    config: {},
    configHash: 'other',
    runs: [{ variant: 'v', spec: {} }],
  });
  await store.addResults(
    deleted.runs[0]?.id ?? '',
    range(0, 7).map((i) => exampleResult(i)),
  );
  await store.deleteExperiment(deleted.experiment.id);
  const waiting = await store.createExperiment({ name: 'w', source: '', config: {}, configHash: 'w', runs: [] });
  await store.setQueued(waiting.experiment.id, 1_700_000_000_123);

  await store.putResponses(range(0, 50).map((i) => ({ key: `Key-${i}_${i % 3}`, generation: generation(`${i} \0`) })));
  const asked = { name: 'bench', source: '', config: { texts: hardTexts }, configHash: 'b' };
  const benchmark = await store.createBenchmark({ ...asked, experimentId: experiment.id });
  await store.saveBenchmarkPoint(benchmark.id, 'cell \0', { kind: 'cell', runId: long, use: exampleUse(120.5) });
  await store.saveBenchmarkReport(benchmark.id, { found: hardTexts });
  return {
    experimentId: experiment.id,
    runIds,
    deletedId: deleted.experiment.id,
    trainingId: await fillTraining(store, experiment.id),
    benchmarkId: benchmark.id,
  };
}

/** What a store has of it, for a comparison with another store. */
export async function readFilled(store: Store, { experimentId, runIds, trainingId, benchmarkId }: Filled) {
  const [long = '', hard = ''] = runIds;
  const [trained] = await store.listTrainingRuns(trainingId);
  return {
    experiment: await store.getExperiment(experimentId),
    finding: await store.getFinding(experimentId),
    runs: await store.listRuns(experimentId),
    first: (await store.listResults(long, {}, { limit: 100 })).items,
    hard: (await store.listResults(hard, {}, { limit: 100 })).items,
    ids: [...(await store.finishedExampleIds(long))].sort(),
    totals: await store.totals(),
    queued: await store.listQueued(),
    deleted: await store.listExperiments({ deleted: 'only' }, { limit: 10 }),
    responses: [...(await store.getResponses(['Key-0_0', 'Key-49_1']))],
    training: await store.getTraining(trainingId),
    trainingRuns: await store.listTrainingRuns(trainingId),
    events: (await store.trainEvents(trained?.id ?? '', 0)).items,
    benchmark: await store.getBenchmark(benchmarkId),
    points: [...(await store.benchmarkPoints(benchmarkId))],
  };
}
