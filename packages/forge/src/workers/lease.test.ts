import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import { embedded } from '../testing/database-template.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import { createLeaseSlots } from './lease-slots.ts';

const capabilities = { gpu: false, engines: [], models: [] };
const newWorker = (store: Store) =>
  store.registerWorker({ name: 'test:1', kind: 'worker', version: '0', capabilities });
const monotonic = () => performance.now();

/** What holds for leases in either database. */
function leaseContract(stores: () => readonly Store[]): void {
  const one = () => stores()[0] as Store;

  it('never hands out more slots than the limit, however many ask at once', async () => {
    await one().setLimit('contested', 5);
    const workers = await Promise.all(Array.from({ length: 12 }, () => newWorker(one())));
    let held = 0;
    let most = 0;
    let taken = 0;
    const random = createRandom('leases');
    await Promise.all(
      workers.map(async (worker, i) => {
        const store = stores()[i % stores().length] as Store;
        for (let round = 0; round < 12; round++) {
          const slots = await store.takeSlots('contested', worker, 1 + random.below(4), 60);
          held += slots.length;
          taken += slots.length;
          most = Math.max(most, held);
          await sleep(random.below(4));
          held -= slots.length;
          await store.freeSlots('contested', worker, slots);
        }
      }),
    );
    expect(most).toBeLessThanOrEqual(5);
    expect(taken).toBeGreaterThan(50);
    expect(await one().listLimits()).toContainEqual({ key: 'contested', max: 5, held: 0 });
  });

  it('frees what was not renewed, by the database’s clock, and lets its former holder renew it no more', async () => {
    await one().setLimit('short', 1);
    const [a, b] = [await newWorker(one()), await newWorker(one())];
    expect(await one().takeSlots('short', a, 4, 0.3)).toEqual([1]);
    expect(await one().takeSlots('short', b, 4, 60)).toEqual([]);
    expect((await one().renewSlots('short', a, [1], 0.3)).slots).toEqual([1]);
    await sleep(400);
    expect((await one().renewSlots('short', a, [1], 60)).slots).toEqual([]);
    expect(await one().takeSlots('short', b, 4, 60)).toEqual([1]);
    await one().freeSlots('short', a, [1]);
    expect(await one().takeSlots('short', a, 4, 60)).toEqual([]);
  });

  it('follows a limit that is changed or taken away', async () => {
    await one().setLimit('changing', 4);
    const worker = await newWorker(one());
    expect(await one().takeSlots('changing', worker, 9, 60)).toHaveLength(4);
    await one().setLimit('changing', 2);
    expect(await one().renewSlots('changing', worker, [1, 2, 3, 4], 60)).toMatchObject({ slots: [1, 2, 3, 4], max: 2 });
    await one().freeSlots('changing', worker, [1, 2, 3, 4]);
    expect(await one().takeSlots('changing', worker, 9, 60)).toEqual([1, 2]);
    await one().setLimit('changing', null);
    expect((await one().listLimits()).map(({ key }) => key)).not.toContain('changing');
    await expect(one().setLimit('changing', 0)).rejects.toThrow(/a whole number from 1/);
  });

  it('tells who holds more than its share when others wait', async () => {
    await one().setLimit('shared', 6);
    const [a, b] = [await newWorker(one()), await newWorker(one())];
    const slots = await one().takeSlots('shared', a, 6, 60);
    expect((await one().renewSlots('shared', a, slots, 60)).share).toBe(6);
    await one().beat(b, { state: 'working', waitsFor: 'shared' });
    expect((await one().renewSlots('shared', a, slots, 60)).share).toBe(3);
  });

  it('tells holders one after the other to make room, where more wait than there are slots', async () => {
    await one().setLimit('scarce', 2);
    const [a, b, c] = [await newWorker(one()), await newWorker(one()), await newWorker(one())];
    const ofA = await one().takeSlots('scarce', a, 1, 60);
    const ofB = await one().takeSlots('scarce', b, 1, 60);
    await one().beat(c, { state: 'working', waitsFor: 'scarce' });
    const shares = new Map<string, Set<number>>([
      [a, new Set()],
      [b, new Set()],
    ]);
    const both = () => [...shares.values()].every((seen) => seen.has(0) && seen.has(1));
    for (const end = performance.now() + 10_000; !both() && performance.now() < end; await sleep(100)) {
      shares.get(a)?.add((await one().renewSlots('scarce', a, ofA, 60)).share);
      shares.get(b)?.add((await one().renewSlots('scarce', b, ofB, 60)).share);
    }
    expect(both()).toBe(true);
  });

  it('lets one at a time have a turn', async () => {
    const workers = await Promise.all(Array.from({ length: 6 }, () => newWorker(one())));
    const turns = await Promise.all(workers.map((worker) => one().takeTurn('plan', worker, 60)));
    expect(turns.filter(Boolean)).toHaveLength(1);
    const holder = workers[turns.indexOf(true)] as string;
    const other = workers.find((worker) => worker !== holder) as string;
    // It may have been kept from ending its turn.
    expect(await one().takeTurn('plan', holder, 60)).toBe(true);
    expect(await one().takeTurn('plan', other, 60)).toBe(false);
    await one().endTurn('plan', workers[turns.indexOf(true)] as string);
    expect(await one().takeTurn('plan', workers[0] as string, 60)).toBe(true);
  });
}

describe('leases in PGlite', () => {
  let dir: string;
  let store: Store;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-lease-'));
    store = await openStore(embedded(join(dir, 'database')));
  });
  afterAll(async () => {
    await store?.close();
    await rm(dir, { recursive: true, force: true });
  });
  leaseContract(() => [store]);
});

describe('leases in Postgres', () => {
  let server: PostgresServer;
  let stores: Store[];
  beforeAll(async () => {
    server = await startPostgres();
    stores = await Promise.all(Array.from({ length: 3 }, () => openStore({ url: server.url })));
  });
  afterAll(async () => {
    await Promise.all((stores ?? []).map((store) => store.close()));
    await server?.stop();
  });
  leaseContract(() => stores);

  it('keeps the calls of many workers within a limit, and lets all of them work', async () => {
    const store = stores[0] as Store;
    await store.setLimit('engine', 3);
    let running = 0;
    let most = 0;
    const begun: number[] = [];
    const ended: number[] = [];
    await Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const workerId = await newWorker(store);
        const slots = createLeaseSlots({ store: stores[i % 3] as Store, workerId, monotonic, leaseSeconds: 4 });
        slots.setLimits([{ key: 'engine', max: 3 }]);
        const beats = setInterval(() => {
          void store.beat(workerId, { state: 'working', waitsFor: slots.waitsFor() });
        }, 300);
        const take = slots.places(['engine', 'host without a limit']);
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            for (let call = 0; call < 60; call++) {
              const place = await take(undefined);
              begun[i] ??= performance.now();
              running++;
              most = Math.max(most, running);
              await sleep(20);
              running--;
              place.free();
            }
          }),
        );
        clearInterval(beats);
        await slots.close();
        ended.push(performance.now());
      }),
    );
    expect(most).toBe(3);
    // All of them had a part before the first one was through.
    expect(Math.max(...begun)).toBeLessThan(Math.min(...ended));
  });

  it('ends calls whose lease cannot be renewed before somebody else may begin', async () => {
    const store = stores[0] as Store;
    await store.setLimit('cut off', 1);
    const [a, b] = [await newWorker(store), await newWorker(store)];
    // A worker that can take and not renew: the network was cut in between.
    const cut = { ...store, renewSlots: () => new Promise<never>(() => {}) };
    const slots = createLeaseSlots({ store: cut, workerId: a, monotonic, leaseSeconds: 2 });
    slots.setLimits([{ key: 'cut off', max: 1 }]);
    const place = await slots.places(['cut off'])(undefined);
    const lostAt = new Promise<number>((resolve) =>
      place.lost.addEventListener('abort', () => resolve(performance.now())),
    );
    let takenAt = 0;
    while (takenAt === 0) {
      if ((await store.takeSlots('cut off', b, 1, 60)).length === 1) takenAt = performance.now();
      else await sleep(20);
    }
    expect(await lostAt).toBeLessThan(takenAt);
    await slots.close();
  });
});
