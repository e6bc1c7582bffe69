/** Where a replay of steps stands. */
export interface Replay {
  /** The step that is looked at, 1-based; 0 is before the first. */
  readonly step: number;
  /** Steps that are on the page, `step` or more: a step that is looked up leaves the later ones there. */
  readonly shown: number;
  /** How far the next step has come, 0 to 1. */
  readonly part: number;
  readonly isPlaying: boolean;
  /** Of real time; 0: a step each second, however long it took. */
  readonly speed: number;
}

export type ReplayAction =
  | { readonly kind: 'play' | 'pause' | 'back' | 'forward' | 'start' | 'end' }
  /** look: the later steps stay on the page; seek: they come when their time comes. */
  | { readonly kind: 'look' | 'seek'; readonly step: number }
  | { readonly kind: 'speed'; readonly speed: number }
  /** Time has passed, ms. */
  | { readonly kind: 'tick'; readonly ms: number };

const pacedMs = 1000;

/** All steps are there; `step` is looked at. */
export function replayAt(step: number, count: number): Replay {
  const within = Number.isInteger(step) ? Math.min(count, Math.max(0, step)) : count;
  return { step: within, shown: count, part: 0, isPlaying: false, speed: 0 };
}

/** `ends`: when each step was over, ms, never falling. */
function ticked(replay: Replay, ms: number, ends: readonly number[]): Replay {
  if (!replay.isPlaying) return replay;
  let { step, part } = replay;
  let leftMs = ms;
  while (step < ends.length) {
    const took = (ends[step] as number) - (ends[step - 1] ?? 0);
    const lasts = replay.speed === 0 ? pacedMs : took / replay.speed;
    const rest = lasts * (1 - part);
    if (leftMs < rest) return { ...replay, step, shown: step, part: part + leftMs / lasts };
    leftMs -= rest;
    step++;
    part = 0;
  }
  return { ...replay, step, shown: step, part: 0, isPlaying: false };
}

/** Moves on from one state of a replay to the next. */
export function replayed(replay: Replay, action: ReplayAction, ends: readonly number[]): Replay {
  const count = ends.length;
  const at = (step: number): Replay => {
    const within = Math.min(count, Math.max(0, step));
    return { ...replay, step: within, shown: within, part: 0, isPlaying: false };
  };
  switch (action.kind) {
    case 'play': {
      const step = replay.step >= count ? 0 : replay.step;
      return { ...at(step), part: step === replay.step ? replay.part : 0, isPlaying: count > 0 };
    }
    case 'pause':
      return { ...replay, isPlaying: false };
    case 'back':
      // In the middle of a step, back is to its beginning, as with music.
      return at(replay.part > 0 ? replay.step : replay.step - 1);
    case 'forward':
      return at(replay.step + 1);
    case 'start':
      return at(0);
    case 'end':
      return at(count);
    case 'seek':
      return at(action.step);
    case 'look': {
      const step = Math.min(count, Math.max(0, action.step));
      return { ...replay, step, shown: Math.max(replay.shown, step), part: 0, isPlaying: false };
    }
    case 'speed':
      return { ...replay, speed: action.speed };
    case 'tick':
      return ticked(replay, action.ms, ends);
  }
}

/** ms on the time axis. */
export function clockOf({ step, part }: Replay, ends: readonly number[]): number {
  const before = ends[step - 1] ?? 0;
  return before + part * ((ends[step] ?? before) - before);
}
