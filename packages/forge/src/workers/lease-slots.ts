import type { Place, TakePlace } from '../engine-middleware/leased.ts';
import type { WorkerStore } from '../worker-record.ts';

export interface LeaseParts {
  readonly store: Pick<WorkerStore, 'takeSlots' | 'renewSlots' | 'freeSlots'>;
  readonly workerId: string;
  /** ms from any fixed moment, never backwards, also while the machine sleeps or the process stands still. */
  monotonic(): number;
  readonly leaseSeconds?: number;
}

/** The slots of limits that a worker holds: taken in one go for all that wait, kept over many calls, given back when idle. */
export interface LeaseSlots {
  /** For calls under all of these limits. Limits are taken in one order by everybody: none waits for one who waits for it. */
  places(keys: readonly string[]): TakePlace;
  setLimits(limits: readonly { readonly key: string; readonly max: number }[]): void;
  /** A limit on which calls wait now. */
  waitsFor(): string | null;
  close(): Promise<void>;
}

const defaultLeaseSeconds = 8;
const renewEveryMs = 1000;
const firstPauseMs = 50;
const longestPauseMs = 500;
const never = new AbortController().signal;
const unlimited: Place = { lost: never, free: () => {} };

interface Slot {
  readonly number: number;
  readonly lost: AbortController;
  /** By our own clock, counted from before we asked: earlier than the database's own expiry. */
  expiresAt: number;
  expiry: NodeJS.Timeout | undefined;
  busy: boolean;
  idleSince: number;
}

function createLimitSlots(key: string, parts: LeaseParts) {
  const { store, workerId, monotonic, leaseSeconds = defaultLeaseSeconds } = parts;
  const leaseMs = leaseSeconds * 1000;
  /** A call that is aborted must have ended before somebody else begins. */
  const marginMs = Math.min(500, leaseMs / 4);
  const slots = new Map<number, Slot>();
  const queue = new Set<(place: Place) => void>();
  let max = Number.POSITIVE_INFINITY;
  let share = Number.POSITIVE_INFINITY;
  /** By our own clock: until then it is the turn of others. */
  let asksAgainAt = 0;
  let asking = false;
  let closed = false;

  function forget(slot: Slot): void {
    clearTimeout(slot.expiry);
    slots.delete(slot.number);
  }

  function lose(slot: Slot): void {
    forget(slot);
    slot.lost.abort(new Error(`the lease of slot ${slot.number} of ${key} has expired`));
  }

  function expireAt(slot: Slot, at: number): void {
    slot.expiresAt = at;
    clearTimeout(slot.expiry);
    slot.expiry = setTimeout(() => lose(slot), Math.max(0, at - monotonic())).unref();
  }

  function giveBack(given: readonly Slot[]): void {
    if (given.length === 0) return;
    for (const slot of given) forget(slot);
    // What cannot be given back expires.
    void store
      .freeSlots(
        key,
        workerId,
        given.map(({ number }) => number),
      )
      .catch(() => {});
  }

  const isSurplus = (slot: Slot) => slot.number > max || slots.size > share;

  function placeAt(slot: Slot): Place {
    slot.busy = true;
    let freed = false;
    return {
      lost: slot.lost.signal,
      free() {
        if (freed) return;
        freed = true;
        slot.busy = false;
        slot.idleSince = monotonic();
        if (!slots.has(slot.number)) return;
        if (isSurplus(slot) || closed) giveBack([slot]);
        else handOut();
      },
    };
  }

  function handOut(): void {
    for (const slot of slots.values()) {
      const [first] = queue;
      if (first === undefined) return;
      // The timers of a process that stood still are late: its clock is not.
      if (slot.busy || slot.expiresAt <= monotonic()) continue;
      queue.delete(first);
      first(placeAt(slot));
    }
    if (queue.size > 0) void ask();
  }

  async function ask(): Promise<void> {
    if (asking) return;
    asking = true;
    let pauseMs = firstPauseMs;
    while (queue.size > 0 && !closed) {
      const sentAt = monotonic();
      if (sentAt < asksAgainAt) {
        await new Promise((resolve) => setTimeout(resolve, asksAgainAt - sentAt));
        continue;
      }
      const numbers = await store.takeSlots(key, workerId, queue.size, leaseSeconds).catch(() => []);
      if (numbers.length > 0 && slots.size === 0) share = Number.POSITIVE_INFINITY;
      for (const number of numbers) {
        const slot: Slot = {
          number,
          lost: new AbortController(),
          expiresAt: 0,
          expiry: undefined,
          busy: false,
          idleSince: monotonic(),
        };
        slots.set(number, slot);
        expireAt(slot, sentAt + leaseMs - marginMs);
      }
      if (numbers.length > 0) handOut();
      if (queue.size === 0) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = numbers.length > 0 ? firstPauseMs : Math.min(longestPauseMs, pauseMs * 2);
    }
    asking = false;
  }

  return {
    take(signal: AbortSignal | undefined): Promise<Place> {
      return new Promise((resolve, reject) => {
        const cancel = () => {
          queue.delete(start);
          reject(signal?.reason);
        };
        const start = (place: Place) => {
          signal?.removeEventListener('abort', cancel);
          resolve(place);
        };
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener('abort', cancel, { once: true });
        queue.add(start);
        handOut();
      });
    },
    waits: () => queue.size > 0,
    setMax(limit: number): void {
      max = limit;
    },
    async renew(): Promise<void> {
      if (slots.size === 0) return;
      const before = [...slots.values()];
      const sentAt = monotonic();
      const answer = await store.renewSlots(
        key,
        workerId,
        before.map(({ number }) => number),
        leaseSeconds,
      );
      const kept = new Set(answer.slots);
      for (const slot of before) {
        if (slots.get(slot.number) !== slot) continue;
        if (kept.has(slot.number)) expireAt(slot, sentAt + leaseMs - marginMs);
        else lose(slot);
      }
      ({ share, max } = answer);
      if (share === 0) asksAgainAt = sentAt + renewEveryMs;
      const idle = [...slots.values()].filter((slot) => !slot.busy);
      const unused = idle.filter(({ idleSince }) => queue.size === 0 && idleSince < sentAt - renewEveryMs);
      const surplus = idle.filter((slot) => slot.number > max).concat(idle.slice(0, Math.max(0, slots.size - share)));
      giveBack([...new Set([...unused, ...surplus])]);
    },
    close(): void {
      closed = true;
      giveBack([...slots.values()].filter((slot) => !slot.busy));
    },
  };
}

/** This worker's share of the slots of every limit. */
export function createLeaseSlots(parts: LeaseParts): LeaseSlots {
  const limited = new Map<string, ReturnType<typeof createLimitSlots>>();
  /** Limits of which there are still slots, though they are limits no more. */
  const former = new Set<ReturnType<typeof createLimitSlots>>();
  const timer = setInterval(() => {
    // What cannot be renewed expires by itself.
    for (const slots of [...limited.values(), ...former]) void slots.renew().catch(() => {});
  }, renewEveryMs).unref();

  async function takeAll(keys: readonly string[], signal: AbortSignal | undefined): Promise<Place> {
    const held: Place[] = [];
    try {
      for (const key of keys) {
        const slots = limited.get(key);
        if (slots !== undefined) held.push(await slots.take(signal));
      }
    } catch (error) {
      for (const place of held) place.free();
      throw error;
    }
    const [only, ...more] = held;
    if (only === undefined) return unlimited;
    if (more.length === 0) return only;
    return {
      lost: AbortSignal.any(held.map(({ lost }) => lost)),
      free() {
        for (const place of held) place.free();
      },
    };
  }

  return {
    places(keys) {
      const sorted = [...keys].sort();
      return (signal) => takeAll(sorted, signal);
    },
    setLimits(limits) {
      const named = new Map(limits.map(({ key, max }) => [key, max]));
      for (const [key, slots] of limited) {
        if (named.has(key)) continue;
        limited.delete(key);
        former.add(slots);
        slots.setMax(0);
      }
      for (const [key, max] of named) {
        const slots = limited.get(key) ?? createLimitSlots(key, parts);
        limited.set(key, slots);
        slots.setMax(max);
      }
    },
    waitsFor: () => [...limited].find(([, slots]) => slots.waits())?.[0] ?? null,
    async close() {
      clearInterval(timer);
      for (const slots of limited.values()) slots.close();
    },
  };
}
