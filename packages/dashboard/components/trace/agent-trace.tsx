'use client';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type AgentStep, stepName } from '../../lib/agent-trace.ts';
import { count, duration } from '../../lib/format.ts';
import { clockOf, type Replay, type ReplayAction, replayAt, replayed } from '../../lib/replay.ts';
import { timelineOf } from '../../lib/timeline.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { ReplayBar } from './replay-bar.tsx';
import { StepCard } from './step-card.tsx';
import { TimelineChart } from './timeline.tsx';

const sum = (steps: readonly AgentStep[], of: (step: AgentStep) => number) =>
  steps.reduce((total, step) => total + of(step), 0);

/** The whole example in one line. */
function summaryOf(steps: readonly AgentStep[], totalMs: number): string {
  const calls = steps.filter((step) => step.tool !== undefined).length;
  const failed = steps.filter((step) => step.error !== undefined).length;
  const turns = steps.filter((step) => step.startsTurn).length;
  return [
    `${count(turns)} ${turns === 1 ? 'turn' : 'turns'}`,
    `${count(calls)} tool ${calls === 1 ? 'call' : 'calls'}`,
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    `${count(sum(steps, (step) => step.promptTokens))} prompt tokens (${count(sum(steps, (step) => step.cachedTokens))} from the cache)`,
    `${count(sum(steps, (step) => step.completionTokens))} written`,
    duration(totalMs),
  ].join(' · ');
}

function wordsFor({ step, isPlaying }: Replay, steps: readonly AgentStep[]): string {
  const at = steps[step - 1];
  if (at === undefined) return isPlaying ? 'Playing: before the first step' : 'Before the first step';
  const error = at.error === undefined ? '' : ` (error: ${at.error})`;
  return `Step ${step} of ${steps.length}: ${stepName(at)}${error}`;
}

/** The state of the replay; time passes while it plays, and where it stands is in the address. */
function useReplay(ends: readonly number[]) {
  const { get, set } = useUrlState();
  const [initial] = useState(() => replayAt(get('step') === '' ? Number.NaN : Number(get('step')), ends.length));
  const [replay, setReplay] = useState(initial);
  const act = useCallback((action: ReplayAction) => setReplay((before) => replayed(before, action, ends)), [ends]);
  const { isPlaying, step } = replay;
  useEffect(() => {
    if (!isPlaying) return;
    let last = performance.now();
    let frame = requestAnimationFrame(function go(now) {
      act({ kind: 'tick', ms: now - last });
      last = now;
      frame = requestAnimationFrame(go);
    });
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, act]);
  const isTouched = replay !== initial;
  useEffect(() => {
    if (isTouched && !isPlaying) set({ step: String(step) });
  }, [isTouched, isPlaying, step, set]);
  // An address with a step is a request to see it.
  return { replay, act, isSought: isTouched || get('step') !== '' };
}

const Steps = memo(function Steps({
  steps,
  step,
  shown,
}: {
  steps: readonly AgentStep[];
  step: number;
  shown: number;
}) {
  return (
    <ol aria-label="Steps" className="grid gap-3">
      {steps.slice(0, shown).map((one, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place.
        <StepCard key={i} step={one} number={i + 1} isCurrent={i + 1 === step} />
      ))}
    </ol>
  );
});

/** What an agent did in one example: when, in which order, and step by step. */
export function AgentTrace({ steps, isCached }: { steps: readonly AgentStep[]; isCached: boolean }) {
  const timeline = useMemo(() => timelineOf(steps), [steps]);
  const { replay, act, isSought } = useReplay(timeline.ends);
  const { step, shown } = replay;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isSought) list.current?.querySelector(`#step-${step}`)?.scrollIntoView({ block: 'nearest' });
  }, [isSought, step]);
  const look = useCallback((to: number) => act({ kind: 'look', step: to }), [act]);
  const limit = steps.at(-1)?.limit;
  const left = steps.length - shown;
  const isReplaying = left > 0 || replay.isPlaying;
  return (
    <section aria-label="Agent trace" className="grid gap-3 border-t border-line pt-4">
      <div>
        <h3 className="font-semibold">Agent trace</h3>
        <p className="text-xs text-muted tabular-nums">{summaryOf(steps, timeline.totalMs)}</p>
        {limit === undefined ? null : (
          <p className="text-xs font-medium text-warning">■ Stopped by a limit, without an answer: {limit}</p>
        )}
        {isCached ? (
          <p className="text-xs text-warning">Calls came from the cache: their times are those of the first call.</p>
        ) : null}
      </div>
      <TimelineChart
        timeline={timeline}
        step={step}
        shown={shown}
        clockMs={isReplaying ? clockOf(replay, timeline.ends) : undefined}
        onLook={look}
      />
      <ReplayBar replay={replay} steps={steps.length} said={wordsFor(replay, steps)} act={act} />
      <div ref={list} className="grid gap-3">
        <Steps steps={steps} step={step} shown={shown} />
        {left > 0 ? (
          <p className="rounded-lg border border-dashed border-line p-3 text-muted">
            {count(left)} {left === 1 ? 'step comes' : 'steps come'} later.{' '}
            <button
              type="button"
              className="font-medium text-accent hover:underline"
              onClick={() => act({ kind: 'end' })}
            >
              Show all
            </button>
          </p>
        ) : null}
      </div>
    </section>
  );
}
