import { describe, expect, it } from 'vitest';
import type { Dataset, Example } from './dataset.ts';
import type { Engine } from './engine.ts';
import { definition as scripted } from './engines/scripted.ts';
import { ConfigError, EngineError } from './errors.ts';
import type { Method } from './method.ts';
import { definition as chainOfThought } from './methods/chain-of-thought.ts';
import { definition as naive } from './methods/naive.ts';
import type { Metric } from './metric.ts';
import { definition as exactMatch } from './metrics/exact-match.ts';
import type { RunEvent } from './run.ts';
import { type RunParts, runExperiment } from './run-experiment.ts';

const rows = (count: number): Example[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `e${i}`,
    text: `Question ${i}`,
    targets: ['yes'],
    cluster: `c${i % 3}`,
  }));

function datasetOf(examples: readonly Example[]): Dataset {
  return {
    name: 'list',
    count: async () => examples.length,
    fingerprint: async () => 'f',
    async *examples({ only } = {}) {
      for (const [i, example] of examples.entries()) if (only === undefined || only.has(i)) yield example;
    },
  };
}

const engineOf = (options: object): Engine =>
  scripted.create(scripted.options.parse(options), {
    baseDir: '.',
    cacheDir: '.',
    env: {},
    now: () => 0,
    notify: () => {},
  }) as Engine;

const none = () => Promise.reject(new Error('not here'));
const noParts = { baseDir: '.', cacheDir: '.', retriever: none, nli: none, toolSet: none };

function partsOf(over: Partial<RunParts> = {}): RunParts {
  return {
    runId: 'r',
    variant: 'v',
    dataset: datasetOf(rows(20)),
    engine: engineOf({ default: 'yes', concurrency: 4 }),
    method: naive.create(naive.options.parse({}), noParts) as Method,
    metrics: [exactMatch.create(exactMatch.options.parse({}), noParts) as Metric],
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 16, stop: [] },
    sample: null,
    sampleSeed: '0',
    seed: 0,
    done: new Set(),
    origin: { configHash: 'c', codeRevision: 'r', forgeVersion: '0', machine: {} },
    ...over,
  };
}
const clock = { now: Date.now, monotonic: () => performance.now() };

async function eventsOf(parts: RunParts, signal?: AbortSignal): Promise<RunEvent[]> {
  return Array.fromAsync(runExperiment(parts, clock, signal));
}
const resultsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'example-finished' ? [event.result] : []));

describe('runExperiment', () => {
  it('turns a run into events: started, every example, finished', async () => {
    const events = await eventsOf(partsOf());
    expect(events[0]).toMatchObject({
      type: 'run-started',
      total: 20,
      alreadyDone: 0,
      provenance: { datasetFingerprint: 'f', seed: 0 },
    });
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'finished' });
    const results = resultsOf(events);
    expect(new Set(results.map((one) => one.exampleId)).size).toBe(20);
    expect(results[0]).toMatchObject({ answer: 'yes', scores: { 'exact-match': 1 }, targets: ['yes'] });
    expect(results[0]?.calls[0]).toMatchObject({ index: 0, output: 'yes', finishReason: 'stop', cached: false });
  });
  it('keeps row indices right for a sample, and does not repeat what is done', async () => {
    const events = await eventsOf(partsOf({ sample: 7, done: new Set(['e0', 'e1', 'e2']) }));
    const results = resultsOf(events);
    expect(events[0]).toMatchObject({ total: 7 });
    expect(results.every((one) => one.exampleId === `e${one.index}`)).toBe(true);
    expect(results.some((one) => ['e0', 'e1', 'e2'].includes(one.exampleId))).toBe(false);
  });
  it('stores a failed call as a failed example with score 0 and goes on', async () => {
    const results = resultsOf(
      await eventsOf(partsOf({ engine: engineOf({ default: 'yes', failEvery: 5, failKind: 'timeout' }) })),
    );
    const failed = results.filter((one) => one.failure !== undefined);
    expect(results).toHaveLength(20);
    expect(failed).toHaveLength(4);
    expect(failed[0]).toMatchObject({ failure: { kind: 'timeout' }, scores: { 'exact-match': 0 }, answer: '' });
    expect(failed[0]?.calls[0]).toMatchObject({ finishReason: 'error', error: { kind: 'timeout' } });
  });
  it('counts a method or a metric that throws as a failed example', async () => {
    const method: Method = {
      name: 'm',
      preview: () => ({ prompts: [] }),
      solve: async (q) => (q.id === 'e3' ? Promise.reject(new Error('my fault')) : { answer: 'yes', steps: [] }),
    };
    const metric = {
      name: 'exact-match',
      binary: true,
      score: (e: Example) => (e.id === 'e4' ? Promise.reject(new Error('odd')) : 1),
    };
    const results = resultsOf(await eventsOf(partsOf({ method, metrics: [metric] })));
    expect(results.find((one) => one.exampleId === 'e3')?.failure).toEqual({
      kind: 'method-error',
      message: 'my fault',
    });
    expect(results.find((one) => one.exampleId === 'e4')).toMatchObject({
      failure: { kind: 'metric-error' },
      scores: { 'exact-match': 0 },
    });
    expect(results.filter((one) => one.failure === undefined)).toHaveLength(18);
  });
  it('ends early on what only the user can mend', async () => {
    const engine: Engine = { ...engineOf({}), generate: () => Promise.reject(new ConfigError('broken for good')) };
    const events: RunEvent[] = [];
    await expect(async () => {
      for await (const event of runExperiment(partsOf({ engine }), clock)) events.push(event);
    }).rejects.toThrow('broken for good');
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'failed', error: 'broken for good' });
  });
  it.each([
    [{ conversation: { messages: [], tools: [] } }, /no tool calling.*calling: text/],
    [{ grammar: 'root ::= "x"' }, /cannot follow a grammar.*constrained: false/],
  ])('ends where a method wants what the engine cannot do: %j', async (wanted, message) => {
    const method: Method = {
      name: 'wanting',
      preview: () => ({ prompts: [] }),
      async solve(_, context) {
        await context.generate({ prompt: '?', ...wanted });
        return { answer: '', steps: [] };
      },
    };
    await expect(eventsOf(partsOf({ method }))).rejects.toThrow(message);
  });

  it('drops what is under way when it is aborted, and says cancelled', async () => {
    const controller = new AbortController();
    const events: RunEvent[] = [];
    for await (const event of runExperiment(
      partsOf({ dataset: datasetOf(rows(500)), engine: engineOf({ default: 'yes', latencyMs: 5, concurrency: 4 }) }),
      clock,
      controller.signal,
    )) {
      events.push(event);
      if (events.length === 10) controller.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'cancelled' });
    expect(resultsOf(events).length).toBeLessThan(40);
    expect(resultsOf(events).every((one) => one.failure === undefined)).toBe(true);
  });
  it('never shows the targets to the method', async () => {
    const seen: object[] = [];
    const method: Method = {
      name: 'spy',
      preview: () => ({ prompts: [] }),
      async solve(question) {
        seen.push(question);
        return { answer: '', steps: [] };
      },
    };
    await eventsOf(partsOf({ method }));
    expect(seen[0]).toEqual({ id: 'e0', text: 'Question 0' });
  });
  it('gives samples of one prompt different seeds, the same ones in every run', async () => {
    const method = chainOfThought.create(chainOfThought.options.parse({ samples: 3 }), noParts) as Method;
    const seeds = async (seed: number) =>
      resultsOf(await eventsOf(partsOf({ method, seed, dataset: datasetOf(rows(2)) }))).map((one) =>
        one.calls.map((call) => call.seed),
      );
    const first = await seeds(1);
    expect(new Set(first.flat()).size).toBe(6);
    expect(await seeds(1)).toEqual(first);
    expect(await seeds(2)).not.toEqual(first);
  });
  it('works on as many examples at once as the engine can use', async () => {
    let active = 0;
    let most = 0;
    const engine: Engine = {
      ...engineOf({ concurrency: 6 }),
      async generate() {
        most = Math.max(most, ++active);
        await new Promise((resolve) => setTimeout(resolve, 5));
        active--;
        throw new EngineError('timeout', 'x');
      },
    };
    await eventsOf(partsOf({ engine, dataset: datasetOf(rows(60)) }));
    expect(most).toBe(6);
  });
});
