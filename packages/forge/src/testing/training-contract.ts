import { describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import type { Artifact, StoredTrainEvent } from '../training-record.ts';
import { allPages, hardTexts, range } from './contract-helpers.ts';
import { trainingStart, trainStep, validation } from './example-trainings.ts';

const absent = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

async function newTraining(store: Store, variants: readonly string[] = ['seed=1']) {
  const { training, runs } = await store.createTraining({
    name: 'contract',
    source: 'version: 1\n',
    config: {},
    configHash: 'hash',
    runs: variants.map((variant) => ({ variant, spec: { variant } })),
  });
  return { id: training.id, runIds: runs.map(({ id }) => id), runId: runs[0]?.id ?? '' };
}

async function allEvents(store: Store, runId: string): Promise<readonly StoredTrainEvent[]> {
  return (await store.trainEvents(runId, 0)).items;
}

/** What every store must do with trainings; a part of storeContract. */
export function trainingContract(store: () => Store): void {
  describe('trainings', () => {
    test('are read back as they were created, by id and by prefix', async () => {
      const config = { text: hardTexts, nested: [1, 2.5, null] };
      const { training, runs } = await store().createTraining({
        name: 'read back \0',
        source: hardTexts.join('\n'),
        config,
        configHash: 'abc',
        runs: [
          { variant: 'seed=1 \0', spec: { seed: 1 } },
          { variant: 'seed=2', spec: {} },
        ],
      });
      expect(training).toMatchObject({ name: 'read back \0', config, configHash: 'abc', report: null });
      for (const id of [training.id, training.id.slice(0, 18), training.id.toUpperCase()]) {
        expect(await store().getTraining(id)).toEqual(training);
      }
      expect(await store().listTrainingRuns(training.id)).toEqual(runs);
      expect(runs.map(({ variant, position, status, step }) => [variant, position, status, step])).toEqual([
        ['seed=1 \0', 0, 'pending', 0],
        ['seed=2', 1, 'pending', 0],
      ]);
      expect(await store().getTrainingRun(runs[1]?.id ?? '')).toEqual(runs[1]);
      expect(await store().getTrainingRun((runs[1]?.id ?? '').slice(0, 20))).toEqual(runs[1]);
    });

    test('unknown, malformed and ambiguous ids', async () => {
      const { id, runId } = await newTraining(store());
      await newTraining(store());
      for (const wrong of [absent, 'abc', 'no id', '', `${id}0`]) {
        expect(await store().getTraining(wrong)).toBeNull();
        expect(await store().getTrainingRun(wrong)).toBeNull();
      }
      await expect(store().getTraining(id.slice(0, 4))).rejects.toThrow(/more than one id begins so/);
      await expect(store().getTrainingRun(runId.slice(0, 4))).rejects.toThrow(/more than one id begins so/);
      expect(await store().listTrainingRuns('no id', absent)).toEqual([]);
      for (const wrong of ['no id', absent]) {
        expect(await store().trainEvents(wrong, 3)).toEqual({ cursor: 3, items: [] });
        const start = { folder: '/f', provenance: {}, startedAt: 1 };
        await expect(store().startTrainingRun(wrong, start)).rejects.toThrow(/not in this database/);
        const end = { status: 'failed' as const, wallMs: 1, finishedAt: 2, artifacts: [], outcome: null };
        await expect(store().finishTrainingRun(wrong, end)).rejects.toThrow(/not in this database/);
        await expect(store().addTrainEvents(wrong, [trainStep(1)])).rejects.toThrow(/not in this database/);
        await expect(store().saveTrainingReport(wrong, {})).rejects.toThrow(/not in this database/);
      }
    });

    test('are listed newest first, in pages that new ones do not shift', async () => {
      const ids: string[] = [];
      for (const _ of range(0, 5)) ids.push((await newTraining(store())).id);
      const first = await store().listTrainings({ limit: 2 });
      await newTraining(store());
      const rest = await allPages((after = first.next ?? '') => store().listTrainings({ limit: 2, after }));
      expect([...first.items, ...rest.flat()].map(({ id }) => id).slice(0, 5)).toEqual(ids.toReversed());
      await expect(store().listTrainings({ limit: 0 })).rejects.toThrow(/limit: 0; .* 1 to 1000/);
      await expect(store().listTrainings({ limit: 1, after: 'no id' })).rejects.toThrow(/after: .*start without/);
    });

    test('list their runs in the order asked for', async () => {
      const a = await newTraining(store(), ['seed=1', 'seed=2']);
      const b = await newTraining(store(), ['seed=1', 'seed=2']);
      const listed = (await store().listTrainingRuns(b.id, 'no id', a.id, b.id)).map(({ id }) => id);
      expect(listed).toEqual([...b.runIds, ...a.runIds]);
      expect(await store().listTrainingRuns()).toEqual([]);
    });

    test('keep what was found', async () => {
      const { id } = await newTraining(store());
      const report = { verdicts: [{ sentence: hardTexts.join(), kind: 'tied' }], figures: [{ after: 0.5 }] };
      await store().saveTrainingReport(id, report);
      expect((await store().getTraining(id))?.report).toEqual(report);
      await store().saveTrainingReport(id, { verdicts: [] });
      expect((await store().getTraining(id))?.report).toEqual({ verdicts: [] });
    });

    test('a run keeps its first start, sums the wall time of its attempts and names its files', async () => {
      const { runId } = await newTraining(store());
      const start = { folder: '/runs/\0', provenance: { model: hardTexts }, startedAt: 1000 };
      await store().startTrainingRun(runId, start);
      expect(await store().getTrainingRun(runId)).toMatchObject({ status: 'running', ...start });
      const end = { wallMs: 12.5, finishedAt: 2000, artifacts: [], outcome: null };
      await store().finishTrainingRun(runId, { ...end, status: 'cancelled', error: 'stop \0' });
      expect(await store().getTrainingRun(runId)).toMatchObject({
        status: 'cancelled',
        error: 'stop \0',
        finishedAt: 2000,
      });
      await store().startTrainingRun(runId, { ...start, startedAt: 3000 });
      expect(await store().getTrainingRun(runId)).toMatchObject({ status: 'running', startedAt: 1000, error: null });
      const artifacts: Artifact[] = [
        { kind: 'peft-adapter', path: 'adapter', sha256: 'ab12', sizeBytes: 5_000_000_000 },
      ];
      const outcome = { accuracy: { before: 0.5, after: 0.75 } };
      await store().finishTrainingRun(runId, {
        status: 'finished',
        wallMs: 7.5,
        finishedAt: 4000,
        artifacts,
        outcome,
      });
      expect(await store().getTrainingRun(runId)).toMatchObject({
        status: 'finished',
        wallMs: 20,
        finishedAt: 4000,
        error: null,
        artifacts,
        outcome,
      });
    });

    test('events come in the order in which they were stored, and say where the run stands', async () => {
      const { runId, runIds } = await newTraining(store(), ['seed=1', 'seed=2']);
      const warning = { type: 'warning' as const, message: hardTexts.join() };
      const events = [trainingStart(4), validation(0), trainStep(1), warning, trainStep(2)];
      await store().addTrainEvents(runId, events.slice(0, 3));
      await store().addTrainEvents(runIds[1] ?? '', [trainingStart(9), trainStep(7)]);
      await store().addTrainEvents(runId, events.slice(3));
      await store().addTrainEvents(runId, []);
      const { cursor, items } = await store().trainEvents(runId, 0);
      expect(items).toEqual(events);
      expect(await store().trainEvents(runId, cursor)).toEqual({ cursor, items: [] });
      expect(await store().getTrainingRun(runId)).toMatchObject({ totalSteps: 4, step: 2 });
      expect(await store().getTrainingRun(runIds[1] ?? '')).toMatchObject({ totalSteps: 9, step: 7 });
      const checkpoint = { type: 'checkpoint' as const, step: 2 };
      await store().addTrainEvents(runId, [checkpoint]);
      expect((await store().trainEvents(runId, cursor)).items).toEqual([checkpoint]);
      expect(await store().getTrainingRun(runId)).toMatchObject({ totalSteps: 4, step: 2 });
    });

    test('an event that comes again replaces the earlier one, also for who has read that', async () => {
      const { runId } = await newTraining(store());
      const slow = { type: 'warning' as const, message: 'the disk is slow' };
      await store().addTrainEvents(runId, [trainingStart(4), validation(0), trainStep(1), trainStep(2), slow]);
      const { cursor } = await store().trainEvents(runId, 0);
      // Killed and gone on from a checkpoint after step 1: the same steps again, and one event twice in one call.
      const resumed = trainingStart(4, 1);
      const again = trainStep(2, { loss: 0.125 });
      const full = { type: 'warning' as const, message: 'the disk is full' };
      await store().addTrainEvents(runId, [resumed]);
      expect(await store().getTrainingRun(runId)).toMatchObject({ step: 1 });
      await store().addTrainEvents(runId, [trainStep(2, { loss: 9 }), slow, full, again, validation(2)]);
      expect((await store().trainEvents(runId, cursor)).items).toEqual([resumed, slow, full, again, validation(2)]);
      expect(await allEvents(store(), runId)).toEqual([
        trainingStart(4),
        validation(0),
        trainStep(1),
        resumed,
        slow,
        full,
        again,
        validation(2),
      ]);
    });

    test('many events are read in parts', async () => {
      const { runId } = await newTraining(store());
      await store().addTrainEvents(
        runId,
        range(1, 5201).map((step) => trainStep(step)),
      );
      const first = await store().trainEvents(runId, 0);
      const second = await store().trainEvents(runId, first.cursor);
      expect([first.items.length, second.items.length]).toEqual([5000, 200]);
      expect([...first.items, ...second.items].map((event) => (event.type === 'step' ? event.step : 0))).toEqual(
        range(1, 5201),
      );
      expect(await store().getTrainingRun(runId)).toMatchObject({ step: 5200 });
    });

    test('writers of one run at the same time store each event once', async () => {
      const { runId } = await newTraining(store());
      const steps = range(1, 101).map((step) => trainStep(step));
      await Promise.all([
        store().addTrainEvents(runId, steps),
        store().addTrainEvents(runId, steps.toReversed()),
        store().addTrainEvents(runId, steps.slice(50)),
      ]);
      const stored = await allEvents(store(), runId);
      expect(stored.map((event) => (event.type === 'step' ? event.step : 0)).toSorted((a, b) => a - b)).toEqual(
        range(1, 101),
      );
    });
  });
}
