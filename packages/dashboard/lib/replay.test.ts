import { describe, expect, it } from 'vitest';
import { clockOf, type Replay, type ReplayAction, replayAt, replayed } from './replay.ts';

const ends = [100, 300, 300, 400];
const after = (from: Replay, ...actions: ReplayAction[]) =>
  actions.reduce((replay, action) => replayed(replay, action, ends), from);
const whole = replayAt(Number.NaN, ends.length);
const realTime: ReplayAction = { kind: 'speed', speed: 1 };

describe('replay', () => {
  it('begins with everything on the page, at the step of the address where there is one', () => {
    expect(whole).toMatchObject({ step: 4, shown: 4, isPlaying: false });
    expect(replayAt(2, 4)).toMatchObject({ step: 2, shown: 4 });
    expect(replayAt(99, 4).step).toBe(4);
    expect(replayAt(-3, 4).step).toBe(0);
  });

  it('steps, and stays within its ends', () => {
    expect(after(whole, { kind: 'back' })).toMatchObject({ step: 3, shown: 3 });
    expect(after(whole, { kind: 'forward' })).toMatchObject({ step: 4, shown: 4 });
    expect(after(whole, { kind: 'start' }, { kind: 'back' })).toMatchObject({ step: 0, shown: 0 });
    expect(after(whole, { kind: 'start' }, { kind: 'forward' }, { kind: 'forward' })).toMatchObject({ step: 2 });
    expect(after(whole, { kind: 'seek', step: 1 })).toMatchObject({ step: 1, shown: 1 });
    expect(after(whole, { kind: 'start' }, { kind: 'end' })).toMatchObject({ step: 4, shown: 4 });
  });

  it('leaves later steps on the page where one is looked up', () => {
    expect(after(whole, { kind: 'look', step: 2 })).toMatchObject({ step: 2, shown: 4 });
    expect(after(whole, { kind: 'start' }, { kind: 'look', step: 2 })).toMatchObject({ step: 2, shown: 2 });
  });

  it('plays from the beginning once it has ended, else from where it stands', () => {
    expect(after(whole, { kind: 'play' })).toMatchObject({ step: 0, shown: 0, isPlaying: true });
    expect(after(whole, { kind: 'seek', step: 2 }, { kind: 'play' })).toMatchObject({ step: 2, isPlaying: true });
  });

  it('takes a second for each step unless it has a speed', () => {
    const playing = after(whole, { kind: 'play' });
    expect(after(playing, { kind: 'tick', ms: 500 })).toMatchObject({ step: 0, part: 0.5 });
    expect(after(playing, { kind: 'tick', ms: 2500 })).toMatchObject({ step: 2, part: 0.5 });
    expect(after(playing, { kind: 'tick', ms: 4000 })).toMatchObject({ step: 4, part: 0, isPlaying: false });
  });

  it('keeps to the times of the trace at a speed, steps that took none included', () => {
    const playing = after(whole, realTime, { kind: 'play' });
    expect(after(playing, { kind: 'tick', ms: 99 })).toMatchObject({ step: 0 });
    expect(after(playing, { kind: 'tick', ms: 200 })).toMatchObject({ step: 1, part: 0.5 });
    expect(after(playing, { kind: 'tick', ms: 300 })).toMatchObject({ step: 3, part: 0 });
    const quick = after(playing, { kind: 'speed', speed: 4 });
    expect(after(quick, { kind: 'tick', ms: 75 })).toMatchObject({ step: 3, isPlaying: true });
    expect(clockOf(after(playing, { kind: 'tick', ms: 200 }), ends)).toBe(200);
    expect(clockOf(after(whole, { kind: 'start' }), ends)).toBe(0);
    expect(clockOf(whole, ends)).toBe(400);
  });

  it('stands still while it is paused, and goes on from there', () => {
    const paused = after(whole, realTime, { kind: 'play' }, { kind: 'tick', ms: 200 }, { kind: 'pause' });
    expect(after(paused, { kind: 'tick', ms: 1000 })).toEqual(paused);
    expect(after(paused, { kind: 'play' }, { kind: 'tick', ms: 50 })).toMatchObject({ step: 1, part: 0.75 });
    // Back is to the beginning of the step that was going on.
    expect(after(paused, { kind: 'back' })).toMatchObject({ step: 1, part: 0 });
  });

  it('does nothing where there are no steps', () => {
    const none = replayAt(Number.NaN, 0);
    expect(replayed(none, { kind: 'play' }, [])).toMatchObject({ step: 0, isPlaying: false });
    expect(replayed(none, { kind: 'forward' }, [])).toMatchObject({ step: 0 });
  });
});
