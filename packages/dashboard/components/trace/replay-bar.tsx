'use client';
import { type KeyboardEvent, useSyncExternalStore } from 'react';
import type { Replay, ReplayAction } from '../../lib/replay.ts';

const icons = {
  start: 'M4 3v10M13 3 6 8l7 5z',
  back: 'M11 3 5 8l6 5z',
  play: 'M5 3l8 5-8 5z',
  pause: 'M5 3v10M11 3v10',
  forward: 'M5 3l6 5-6 5z',
  end: 'M12 3v10M3 3l7 5-7 5z',
} as const;

function IconButton({
  icon,
  label,
  isOff = false,
  onClick,
}: {
  icon: keyof typeof icons;
  label: string;
  isOff?: boolean;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      // Not `disabled`: at the last step the focus would be lost with the button.
      aria-disabled={isOff}
      onClick={isOff ? undefined : onClick}
      className="grid size-8 place-items-center rounded-md border border-line bg-surface hover:bg-raised aria-disabled:cursor-not-allowed aria-disabled:text-muted aria-disabled:opacity-50"
    >
      <svg aria-hidden="true" viewBox="0 0 16 16" className="size-4 fill-current stroke-current stroke-2">
        <path d={icons[icon]} strokeLinejoin="round" strokeLinecap="round" />
      </svg>
    </button>
  );
}

const quiet = '(prefers-reduced-motion: reduce)';

function onMotionChange(listen: () => void): () => void {
  const query = matchMedia(quiet);
  query.addEventListener('change', listen);
  return () => query.removeEventListener('change', listen);
}

/** Whether nothing may move by itself. */
const useReducedMotion = () =>
  useSyncExternalStore(
    onMotionChange,
    () => matchMedia(quiet).matches,
    () => true,
  );

const speeds = [
  [0, '1 step/s'],
  [0.05, '0.05 ×'],
  [0.25, '0.25 ×'],
  [1, 'real time'],
  [4, '4 ×'],
  [16, '16 ×'],
] as const;

const keys: Readonly<Record<string, ReplayAction['kind'] & ('back' | 'forward' | 'start' | 'end')>> = {
  ArrowLeft: 'back',
  ArrowRight: 'forward',
  Home: 'start',
  End: 'end',
};

/** Walks through the steps: by buttons, by a slider, by keys. `said`: the step that is looked at, in words. */
export function ReplayBar({
  replay,
  steps,
  said,
  act,
}: {
  replay: Replay;
  /** How many there are. */
  steps: number;
  said: string;
  act: (action: ReplayAction) => void;
}) {
  const isQuiet = useReducedMotion();
  const isAtStart = replay.step === 0 && replay.part === 0;
  const isAtEnd = replay.step === steps;
  const toggle = () => act({ kind: replay.isPlaying ? 'pause' : 'play' });
  function onKey(event: KeyboardEvent) {
    const target = event.target as HTMLElement;
    if (target.tagName === 'SELECT' || event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = keys[event.key];
    // On a button, space is that button.
    const isToggle = event.key === ' ' && target.tagName === 'INPUT' && !isQuiet;
    if (kind === undefined && !isToggle) return;
    event.preventDefault();
    if (kind !== undefined) act({ kind });
    else toggle();
  }
  return (
    <fieldset
      onKeyDown={onKey}
      className="sticky -top-5 z-20 grid gap-2 rounded-lg border border-line bg-surface p-2 shadow-sm"
    >
      <legend className="sr-only">Replay</legend>
      <div className="flex flex-wrap items-center gap-1.5">
        <IconButton icon="start" label="To start" isOff={isAtStart} onClick={() => act({ kind: 'start' })} />
        <IconButton icon="back" label="Step back" isOff={isAtStart} onClick={() => act({ kind: 'back' })} />
        {isQuiet ? null : (
          <IconButton
            icon={replay.isPlaying ? 'pause' : 'play'}
            label={replay.isPlaying ? 'Pause' : 'Play'}
            onClick={toggle}
          />
        )}
        <IconButton icon="forward" label="Step forward" isOff={isAtEnd} onClick={() => act({ kind: 'forward' })} />
        <IconButton icon="end" label="To end" isOff={isAtEnd} onClick={() => act({ kind: 'end' })} />
        {isQuiet ? null : (
          <label className="ms-auto flex items-center gap-2 text-xs text-muted">
            <span className="max-sm:sr-only">Speed</span>
            <select
              className="h-8 rounded-md border border-line bg-surface px-1.5 text-xs text-ink"
              value={replay.speed}
              onChange={(event) => act({ kind: 'speed', speed: Number(event.target.value) })}
            >
              {speeds.map(([speed, name]) => (
                <option key={speed} value={speed}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={said}
        aria-keyshortcuts="ArrowLeft ArrowRight Home End Space"
        title={isQuiet ? 'Arrow keys: a step' : 'Arrow keys: a step; space: play or pause'}
        className="w-full accent-accent"
        min={0}
        max={steps}
        value={replay.step}
        onChange={(event) => act({ kind: 'seek', step: Number(event.target.value) })}
      />
      <p role="status" className="text-xs break-words">
        {said}
      </p>
    </fieldset>
  );
}
