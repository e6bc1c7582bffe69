import { describe, expect, it } from 'vitest';
import type { Store } from '../store.ts';

const nothing = { engines: [], gpu: false, models: [] };
const version = '0.1.0';
const lostAfter = 3600;

/** What every store must do with jobs of workers. */
export function jobContract(store: () => Store): void {
  describe('jobs', () => {
    const worker = (name: string) =>
      store().registerWorker({
        name,
        kind: 'worker',
        version,
        capabilities: { gpu: false, engines: [], models: [] },
      });
    const job = (subject: string, priority = 0) =>
      store().enqueueJob({
        kind: 'ingestion',
        subject,
        name: `of ${subject}`,
        priority,
        requirement: nothing,
        version,
      });
    const one = async (id: string) => (await store().listJobs(100)).find((each) => each.id === id);
    const beaten = async (id: string) =>
      (await store().beat(id, { state: 'working', waitsFor: null })).workIds.toSorted();

    it('are claimed once, by one worker, and end once', async () => {
      const id = await job('corpora/once \uFFFE0000.yaml');
      expect(await one(id)).toMatchObject({
        kind: 'ingestion',
        subject: 'corpora/once \uFFFE0000.yaml',
        state: 'waiting',
        worker: null,
        attempts: 0,
        endedAt: null,
      });
      expect((await store().unissuedWork()).map((work) => work.id)).toContain(id);
      expect(await store().waitingRequirements([])).toContainEqual(nothing);
      await store().markIssued([id]);
      expect((await store().unissuedWork()).map((work) => work.id)).not.toContain(id);
      await store().unissue(id);
      expect((await store().unissuedWork()).map((work) => work.id)).toContain(id);

      const [a, b] = [await worker('a:1'), await worker('b:2')];
      const claims = await Promise.all([store().claimJob(id, a), store().claimJob(id, b)]);
      expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
      const [owner, other] = claims[0] === null ? [b, a] : [a, b];
      expect(await beaten(owner)).toEqual([id]);
      expect(await store().beat(other, { state: 'working', waitsFor: null })).toMatchObject({ hasWork: true });
      expect(await beaten(other)).toEqual([]);
      await store().endJob(id, other, 'not yours');
      expect(await one(id)).toMatchObject({ state: 'claimed', error: null });
      await store().endJob(id, owner, null);
      expect(await one(id)).toMatchObject({ state: 'done', attempts: 1, error: null, endedAt: expect.any(Number) });
      expect(await store().cancelJob(id)).toBe(false);
      for (const each of [a, b]) await store().removeWorker(each);
    });

    it('are there once for a subject until they end', async () => {
      const id = await job('corpora/twice.yaml');
      await store().pauseJob(id, true);
      expect(await job('corpora/twice.yaml', 7)).toBe(id);
      expect(await one(id)).toMatchObject({ priority: 7, paused: false });
      expect(await store().cancelJob(id)).toBe(true);
      expect(await job('corpora/twice.yaml')).not.toBe(id);
    });

    it('stop where they are paused or cancelled, and wait again where they are given back', async () => {
      const id = await job('corpora/stopped.yaml');
      const me = await worker('c:3');
      expect(await store().claimJob(id, me)).toEqual({
        id,
        kind: 'ingestion',
        subject: 'corpora/stopped.yaml',
        name: 'of corpora/stopped.yaml',
      });
      expect(await store().pauseJob(id, true)).toBe(true);
      expect(await beaten(me)).toEqual([]);
      await store().giveBackJob(id, me);
      expect(await one(id)).toMatchObject({ state: 'waiting', paused: true, attempts: 0, worker: 'c:3' });
      expect(await store().claimJob(id, me)).toBeNull();
      await store().pauseJob(id, false);
      expect(await store().claimJob(id, me)).not.toBeNull();
      expect(await store().cancelJob(id)).toBe(true);
      expect(await beaten(me)).toEqual([]);
      await store().endJob(id, me, null);
      expect(await one(id)).toMatchObject({ state: 'cancelled' });
      await store().removeWorker(me);
      for (const unknown of ['', 'x', '0190a000-0000-7000-8000-000000000000']) {
        expect(await store().pauseJob(unknown, true)).toBe(false);
        expect(await store().cancelJob(unknown)).toBe(false);
      }
    });

    it('of a worker that stops in order wait again; of one that is lost too, three times', async () => {
      const id = await job('corpora/lost.yaml');
      const orderly = await worker('d:4');
      await store().claimJob(id, orderly);
      await store().removeWorker(orderly);
      expect(await one(id)).toMatchObject({ state: 'waiting', attempts: 0 });
      for (let loss = 1; loss <= 3; loss++) {
        const me = await worker(`e:${loss}`);
        expect(await store().claimJob(id, me)).not.toBeNull();
        expect(await store().recoverJobs(lostAfter)).toBe(0);
        // Its beat is always longer ago than this.
        expect(await store().recoverJobs(-1)).toBe(1);
        expect(await one(id)).toMatchObject({ state: loss < 3 ? 'waiting' : 'failed', attempts: loss });
        await store().removeWorker(me);
      }
      expect((await one(id))?.error).toBe('workers were lost 3 times while they worked on it');
    });

    it('are listed as they are worked on, then as they ended', async () => {
      const [low, high, first] = [
        await job('corpora/p1.yaml', 1),
        await job('corpora/p9.yaml', 9),
        await job('corpora/q9.yaml', 9),
      ];
      const ids = (await store().listJobs(100)).map((each) => each.id);
      expect(ids.indexOf(high)).toBeLessThan(ids.indexOf(first));
      expect(ids.indexOf(first)).toBeLessThan(ids.indexOf(low));
      await store().cancelJob(high);
      const listed = await store().listJobs(100);
      const ended = listed.findIndex((each) => each.endedAt !== null);
      expect(listed.slice(ended).every((each) => each.endedAt !== null)).toBe(true);
      expect(listed[ended]?.id).toBe(high);
      expect(await store().listJobs(1)).toHaveLength(1);
    });
  });
}
