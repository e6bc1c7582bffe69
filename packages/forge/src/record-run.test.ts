import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './errors.ts';
import { type RecordOptions, recordRun } from './record-run.ts';
import type { ExampleResult, RunEvent } from './run.ts';
import { exampleProvenance, exampleResult } from './testing/example-results.ts';

type Target = Parameters<typeof recordRun>[0];

/** A store that notes what it is told, and takes its time. */
function noting(write: (results: readonly ExampleResult[]) => Promise<void> = () => turn()) {
  const log: string[] = [];
  const batches: number[][] = [];
  const stored = new Set<number>();
  const target: Target = {
    async startRun(id, { total, startedAt }) {
      await turn();
      log.push(`start ${id} ${total} at ${startedAt}`);
    },
    async addResults(id, results) {
      await write(results);
      log.push(`${results.length} of ${id}`);
      batches.push(results.map(({ index }) => index));
      for (const { index } of results) stored.add(index);
    },
    async finishRun(id, { status, error, wallMs, summary }) {
      await turn();
      log.push(`finish ${id} ${status} ${error ?? '-'} ${wallMs} ${JSON.stringify(summary)}`);
    },
  };
  return { target, log, batches, stored };
}

const started = (runId: string, total: number): RunEvent => ({
  type: 'run-started',
  runId,
  variant: 'v',
  total,
  alreadyDone: 0,
  provenance: exampleProvenance,
});
const finished = (runId: string, i: number): RunEvent => ({
  type: 'example-finished',
  runId,
  result: exampleResult(i),
});
const ended = (runId: string): RunEvent => ({ type: 'run-finished', runId, status: 'finished', wallMs: 5 });
const options: RecordOptions = { summarize: async (runId, wallMs) => ({ runId, wallMs }), now: () => 99 };

async function* run(runId: string, count: number, pause?: () => Promise<unknown>): AsyncGenerator<RunEvent> {
  yield started(runId, count);
  for (let i = 0; i < count; i++) {
    if (pause !== undefined) await pause();
    yield finished(runId, i);
  }
  yield ended(runId);
}

async function* chain(...parts: AsyncIterable<RunEvent>[]): AsyncGenerator<RunEvent> {
  for (const part of parts) yield* part;
}

describe('recordRun', () => {
  test('yields each event after it is stored, in order, and each run after the one before', async () => {
    const { target, log, stored } = noting();
    const seen: string[] = [];
    for await (const event of recordRun(target, chain(run('a', 3, turn), run('b', 2)), options)) {
      seen.push(
        event.type === 'example-finished' ? `${event.runId}${event.result.index}` : `${event.type} ${event.runId}`,
      );
      if (event.type === 'example-finished') expect(stored.has(event.result.index)).toBe(true);
      if (event.type === 'run-finished') expect(log.at(-1)).toMatch(`finish ${event.runId}`);
    }
    expect(seen).toEqual([
      'run-started a',
      'a0',
      'a1',
      'a2',
      'run-finished a',
      'run-started b',
      'b0',
      'b1',
      'run-finished b',
    ]);
    expect(log.filter((line) => line.startsWith('start'))).toEqual(['start a 3 at 99', 'start b 2 at 99']);
    expect(log.at(-1)).toBe('finish b finished - 5 {"runId":"b","wallMs":5}');
    // A batch holds examples of one run.
    expect(log.filter((line) => / of /.test(line)).every((line) => /^[123] of a$|^[12] of b$/.test(line))).toBe(true);
  });

  test('gathers while a batch is written, at most 500, and takes no more than 2,000 ahead', async () => {
    let taken = 0;
    let ahead = 0;
    const { target, batches, stored } = noting(async () => {
      await sleep(5);
      ahead = Math.max(ahead, taken - stored.size);
    });
    const events = run('a', 6000, async () => {
      taken++;
    });
    let count = 0;
    for await (const _event of recordRun(target, events, options)) count++;
    expect(count).toBe(6002);
    expect(batches.flat()).toEqual(Array.from({ length: 6000 }, (_, i) => i));
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(500);
    expect(batches.length).toBeLessThan(20);
    expect(ahead).toBeGreaterThan(1000);
    expect(ahead).toBeLessThanOrEqual(2000 + 500 + 1);
  });

  test('bounds what waits by size as well', async () => {
    let taken = 0;
    let ahead = 0;
    const { target, stored } = noting(async () => {
      await sleep(5);
      ahead = Math.max(ahead, taken - stored.size);
    });
    const long = 'x'.repeat(16 * 2 ** 20);
    async function* events(): AsyncGenerator<RunEvent> {
      for (let i = 0; i < 40; i++) {
        taken++;
        const [call] = exampleResult(i).calls;
        if (call === undefined) throw new Error('no call');
        yield {
          type: 'example-finished',
          runId: 'a',
          result: exampleResult(i, { calls: [{ ...call, output: long }] }),
        };
      }
    }
    for await (const _event of recordRun(target, events(), options));
    expect(stored.size).toBe(40);
    expect(ahead).toBeLessThan(12);
  });

  test('a consumer that stops early stops the run; what was finished is stored', async () => {
    const { target, stored, log } = noting(() => sleep(5));
    let made = 0;
    let released = false;
    async function* endless(): AsyncGenerator<RunEvent> {
      try {
        yield started('a', 1e9);
        for (; ; made++) {
          yield finished('a', made);
          if (made % 10 === 0) await turn();
        }
      } finally {
        released = true;
      }
    }
    for await (const event of recordRun(target, endless(), options)) {
      if (event.type === 'example-finished' && event.result.index === 30) break;
    }
    expect(released).toBe(true);
    expect(stored.size).toBeGreaterThan(30);
    expect(stored.size).toBeGreaterThanOrEqual(made);
    expect(log.some((line) => line.startsWith('finish'))).toBe(false);
  });

  test('an error of the run comes after everything that was finished before it', async () => {
    const { target, stored, log } = noting();
    async function* failing(): AsyncGenerator<RunEvent> {
      yield started('a', 3);
      yield finished('a', 0);
      yield finished('a', 1);
      yield { type: 'run-finished', runId: 'a', status: 'failed', error: 'column missing', wallMs: 1 };
      throw new ConfigError('column missing');
    }
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of recordRun(target, failing(), options)) seen.push(event.type);
    })();
    await expect(reading).rejects.toThrow(new ConfigError('column missing'));
    expect(seen).toEqual(['run-started', 'example-finished', 'example-finished', 'run-finished']);
    expect([...stored]).toEqual([0, 1]);
    expect(log.at(-1)).toMatch('finish a failed column missing');
  });

  test('a store that fails ends the run with one clear error; nothing unstored was yielded', async () => {
    for (const [thrown, message] of [
      [new ConfigError('database x: the disk is full'), /^database x: the disk is full$/],
      [new TypeError('broken\npipe'), /^results cannot be stored: broken pipe; .*forge resume$/],
    ] as const) {
      const { target, stored } = noting(async (results) => {
        await turn();
        if (results.some(({ index }) => index >= 40)) throw thrown;
      });
      const seen: number[] = [];
      let released = false;
      async function* events(): AsyncGenerator<RunEvent> {
        try {
          yield* run('a', 1000, turn);
        } finally {
          released = true;
        }
      }
      const reading = (async () => {
        for await (const event of recordRun(target, events(), options)) {
          if (event.type === 'example-finished') seen.push(event.result.index);
        }
      })();
      await expect(reading).rejects.toThrow(ConfigError);
      await expect(reading).rejects.toThrow(message);
      expect(released).toBe(true);
      expect(seen).toEqual([...stored]);
      expect(stored.size).toBeLessThanOrEqual(40);
    }
  });

  test('figures that cannot be made are an error, and the run is not called finished', async () => {
    const { target, log } = noting();
    const summarize: RecordOptions['summarize'] = async () => {
      throw new Error('no figures');
    };
    const reading = (async () => {
      for await (const _event of recordRun(target, run('a', 2), { summarize }));
    })();
    await expect(reading).rejects.toThrow('no figures');
    expect(log.some((line) => line.startsWith('finish'))).toBe(false);
  });
});
