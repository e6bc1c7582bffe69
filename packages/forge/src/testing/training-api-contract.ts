import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Problem } from '../api/schemas.ts';
import * as shapes from '../api/training-schemas.ts';
import type { Store } from '../store.ts';
import type { TrainingRunRecord } from '../training-record.ts';
import { range } from './contract-helpers.ts';
import { exampleReport, exampleTraining, trainingStart, trainStep, validation } from './example-trainings.ts';

interface Access {
  store(): Store;
  /** As a store that another process wrote to through this server. */
  announce(): void;
  get<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.infer<Schema>>;
  refused(status: number, method: string, path: string): Promise<Problem>;
  events(path: string, headers?: Record<string, string>): AsyncGenerator<{ event: string; id: string; data: unknown }>;
}

const pageSchema = z.strictObject({ items: z.array(shapes.trainingSchema), next: z.string().nullable() });

/** What the API says of trainings; a part of apiContract. */
export function trainingApiContract({ store, announce, get, refused, events }: Access): void {
  async function begun(name: string, steps: number) {
    const { training, runs } = await store().createTraining(exampleTraining(name));
    const run = runs[0] as TrainingRunRecord;
    await store().startTrainingRun(run.id, { folder: '/somewhere/run', provenance: { model: 'ab' }, startedAt: 1000 });
    await store().addTrainEvents(run.id, [trainingStart(50), ...range(1, steps + 1).map((step) => trainStep(step))]);
    return { training, runs, run };
  }
  const end = { wallMs: 2500, finishedAt: 9000, outcome: { accuracy: 0.75 } };
  const artifacts = [{ kind: 'peft-adapter' as const, path: 'adapter', sha256: 'ab12', sizeBytes: 98_304 }];

  describe('trainings', () => {
    let first: Awaited<ReturnType<typeof begun>>;
    beforeAll(async () => {
      first = await begun('api', 20);
    });

    it('are listed in pages, newest first', async () => {
      const later = (await store().createTraining(exampleTraining('api-later'))).training;
      const page = await get(pageSchema, '/trainings?limit=1');
      expect(page.items).toMatchObject([{ id: later.id, name: 'api-later', state: 'pending' }]);
      const next = await get(pageSchema, `/trainings?limit=1&after=${page.next}`);
      expect(next.items).toMatchObject([
        { id: first.training.id, trainer: 'native', objective: 'dpo', model: 'models/lab', state: 'running' },
      ]);
      expect(next.items[0]?.runs.map(({ variant, status, step }) => [variant, status, step])).toEqual([
        ['beta=0.05, seed=1', 'running', 20],
        ['beta=0.05, seed=2', 'pending', 0],
        ['beta=0.2, seed=1', 'pending', 0],
        ['beta=0.2, seed=2', 'pending', 0],
      ]);
      expect((await refused(400, 'GET', '/trainings?limit=0')).field).toBe('limit');
      expect((await refused(400, 'GET', '/trainings?after=nowhere')).detail).toMatch(/after/);
    });

    it('show their runs, and what was found', async () => {
      const { training, runs } = await begun('api-found', 3);
      for (const run of runs) await store().finishTrainingRun(run.id, { ...end, status: 'finished', artifacts });
      const before = await get(shapes.trainingDetailSchema, `/trainings/${training.id}`);
      expect(before).toMatchObject({ state: 'evaluating', report: null, source: training.source });
      expect(before.runs[2]).toMatchObject({
        group: 'beta=0.2',
        varied: { beta: 0.2 },
        seed: 1,
        artifacts,
        wallMs: 2500,
      });
      await store().saveTrainingReport(training.id, exampleReport(['01234567-0000-7000-8000-000000000000']));
      const found = await get(shapes.trainingDetailSchema, `/trainings/${training.id.slice(0, 23)}`);
      expect(found.state).toBe('finished');
      expect(found.report?.verdicts.map(({ kind }) => kind)).toEqual(['better', 'tied', 'underpowered']);
      expect(found.report?.groups.map(({ group, metric, seeds }) => [group, metric, seeds]).slice(0, 3)).toEqual([
        ['beta=0.05', 'preference-accuracy', 2],
        ['beta=0.2', 'preference-accuracy', 2],
        ['beta=0.05', 'length', 2],
      ]);
    });

    it('show what they can read of a report of another version', async () => {
      const { training } = await store().createTraining(exampleTraining('api-report'));
      const report = exampleReport([]);
      const figures = [{ metric: 'of-the-future' }, { ...report.figures[0], unit: 'furlongs', further: 1 }];
      await store().saveTrainingReport(training.id, { ...report, data: 7, figures, verdicts: 'none', further: true });
      const shown = await get(shapes.trainingDetailSchema, `/trainings/${training.id}`);
      expect(shown.report).toMatchObject({ data: null, figures: [{ unit: 'furlongs' }], verdicts: [] });
      expect(shown.report?.negatives).toEqual(report.negatives);
      await store().saveTrainingReport(training.id, 'only words');
      const empty = { data: null, figures: [], groups: [], evaluations: [], verdicts: [], negatives: [] };
      expect((await get(shapes.trainingDetailSchema, `/trainings/${training.id}`)).report).toEqual(empty);
    });

    it('show one run, and its events from any place on', async () => {
      const { run } = first;
      expect(await get(shapes.trainingRunSchema, `/training-runs/${run.id}`)).toMatchObject({
        variant: 'beta=0.05, seed=1',
        status: 'running',
        folder: '/somewhere/run',
        step: 20,
        totalSteps: 50,
      });
      const all = await get(shapes.trainEventsSchema, `/training-runs/${run.id}/events`);
      expect(all.items).toEqual([trainingStart(50), ...range(1, 21).map((step) => trainStep(step))]);
      // JSON knows no NaN: a loss that went astray is null.
      await store().addTrainEvents(run.id, [trainStep(21, { loss: Number.NaN })]);
      const news = await get(shapes.trainEventsSchema, `/training-runs/${run.id}/events?after=${all.cursor}`);
      expect(news.items).toEqual([{ ...trainStep(21), loss: null }]);
    });

    it('say what is wrong with a request', async () => {
      const absent = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
      expect((await refused(404, 'GET', `/trainings/${absent}`)).detail).toMatch(/no training/);
      expect((await refused(404, 'GET', `/trainings/${absent}/events`)).detail).toMatch(/no training/);
      expect((await refused(404, 'GET', `/training-runs/${absent}`)).detail).toMatch(/no training run/);
      expect((await refused(404, 'GET', `/training-runs/${absent}/events`)).detail).toMatch(/no training run/);
      expect((await refused(400, 'GET', '/trainings/not-an-id')).field).toBe('id');
      expect((await refused(400, 'GET', `/training-runs/${first.run.id}/events?after=-1`)).field).toBe('after');
      expect((await refused(400, 'GET', `/trainings/${first.training.id}/events?after=1-2`)).detail).toMatch(
        /2 cursors; this training has 4 runs/,
      );
      expect((await refused(400, 'GET', `/trainings/${first.training.id}/events?after=x`)).field).toBe('after');
    });

    it('tell of each step once, also to one who comes back, until the report is there', async () => {
      const { training, runs, run } = await begun('api-live', 5);
      const seen: number[] = [];
      const note = (data: unknown) => {
        const { runId, items } = shapes.trainingStepsSchema.parse(data);
        expect(runId).toBe(run.id);
        seen.push(...items.flatMap((item) => (item.type === 'step' ? item.step : [])));
      };
      let last = '';
      for await (const { event, id, data } of events(`/trainings/${training.id}/events`)) {
        last = id;
        if (event === 'steps') note(data);
        if (event === 'progress') shapes.trainingProgressSchema.parse(data);
        if (seen.length === 5) {
          await store().addTrainEvents(run.id, [trainStep(6), validation(6)]);
          announce();
        }
        // The connection breaks in the middle.
        if (seen.length === 6) break;
      }
      await store().addTrainEvents(run.id, [trainStep(7)]);
      const states: string[] = [];
      for await (const { event, data } of events(`/trainings/${training.id}/events`, { 'last-event-id': last })) {
        if (event === 'steps') note(data);
        if (event === 'progress') {
          const { state } = shapes.trainingProgressSchema.parse(data);
          states.push(state);
          if (state === 'running') {
            for (const one of runs) await store().finishTrainingRun(one.id, { ...end, status: 'finished', artifacts });
            announce();
          }
          if (state === 'evaluating') await store().saveTrainingReport(training.id, exampleReport([]));
        }
        if (event === 'end') states.push('end');
      }
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(states).toEqual(['running', 'evaluating', 'finished', 'end']);
    });
  });
}
