import { describe, expect, it } from 'vitest';
import { agentStepsOf } from './agent-trace.ts';
import { ticksOf, timelineOf } from './timeline.ts';

const step = (turn: number, startedMs: number, modelMs: number, more: object = {}) => ({
  kind: 'tool',
  text: '',
  turn,
  startedMs,
  modelMs,
  ...more,
});

describe('timelineOf', () => {
  it('draws model and tool of each turn one after the other', () => {
    const { spans, ends, totalMs } = timelineOf(
      agentStepsOf([step(1, 0, 100, { tool: 'search', toolMs: 20 }), step(2, 120, 50, { kind: 'answer', text: 'x' })]),
    );
    expect(spans.map(({ name, fromMs, toMs, step: at }) => [name, fromMs, toMs, at])).toEqual([
      ['model', 0, 100, 0],
      ['search', 100, 120, 0],
      ['model', 120, 170, 1],
    ]);
    expect(ends).toEqual([120, 170]);
    expect(totalMs).toBe(170);
  });

  it('draws tools of one turn side by side, and its model once', () => {
    const { spans, ends } = timelineOf(
      agentStepsOf([
        step(1, 0, 100, { tool: 'slow', toolMs: 80 }),
        step(1, 100, 0, { tool: 'quick', toolMs: 5, error: 'failed' }),
      ]),
    );
    expect(spans.map(({ name, fromMs, toMs, error }) => [name, fromMs, toMs, error])).toEqual([
      ['model', 0, 100, undefined],
      ['slow', 100, 180, undefined],
      ['quick', 100, 105, 'failed'],
    ]);
    // Never falling: a replay goes forward only.
    expect(ends).toEqual([180, 180]);
  });

  it('shows a step that could not be read as a failure of the model', () => {
    const { spans } = timelineOf(agentStepsOf([step(1, 0, 10, { error: 'unparsable' })]));
    expect(spans).toMatchObject([{ kind: 'model', error: 'unparsable' }]);
  });

  it('has no time where nothing took any', () => {
    expect(timelineOf([])).toEqual({ spans: [], ends: [], totalMs: 0 });
    expect(timelineOf(agentStepsOf([step(1, 0, 0, { tool: 'a', toolMs: 0 })])).totalMs).toBe(0);
  });
});

it('puts round figures on the axis', () => {
  expect(ticksOf(0)).toEqual([0]);
  expect(ticksOf(82)).toEqual([0, 50]);
  expect(ticksOf(2500)).toEqual([0, 1000, 2000]);
  expect(ticksOf(400)).toEqual([0, 100, 200, 300, 400]);
  for (const total of [0.003, 1, 7, 99, 12_345, 3_600_000]) {
    expect(ticksOf(total).length).toBeGreaterThan(1);
    expect(ticksOf(total).length).toBeLessThanOrEqual(6);
    expect(ticksOf(total).at(-1)).toBeLessThanOrEqual(total * (1 + 1e-9));
  }
});
