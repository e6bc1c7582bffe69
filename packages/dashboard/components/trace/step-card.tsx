'use client';
import { type AgentStep, argumentsText, errorText, limitText, stepName } from '../../lib/agent-trace.ts';
import { count, duration } from '../../lib/format.ts';
import { FoldedText } from './folded-text.tsx';

const looks = {
  tool: { sign: '⚙', look: 'text-tool' },
  answer: { sign: '✓', look: 'text-accent' },
  stopped: { sign: '■', look: 'text-warning' },
} as const;

const bodyLabels = { tool: 'Observation', answer: 'Answer', stopped: 'What the model wrote last' } as const;

function Badge({ children, look }: { children: string; look: string }) {
  return <span className={`rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${look}`}>{children}</span>;
}

/** What the step took: tokens of the model's call, times of model and tool. */
function Costs({ step }: { step: AgentStep }) {
  const { promptTokens, cachedTokens, completionTokens } = step;
  const parts = [
    ...(step.startsTurn
      ? [
          `model ${duration(step.modelMs)}`,
          `${count(promptTokens)} prompt tokens (${count(cachedTokens)} from the cache)`,
          `${count(completionTokens)} written`,
        ]
      : ['asked in the same turn']),
    ...(step.toolMs === undefined ? [] : [`tool ${duration(step.toolMs)}`]),
  ];
  return <p className="text-xs text-muted tabular-nums">{parts.join(' · ')}</p>;
}

/** One step whole: the thought, what was asked, what came back, what it took. */
export function StepCard({ step, number, isCurrent }: { step: AgentStep; number: number; isCurrent: boolean }) {
  const { sign, look } = looks[step.kind];
  const asked = argumentsText(step.arguments);
  return (
    <li
      id={`step-${number}`}
      aria-current={isCurrent ? 'step' : undefined}
      className={`grid scroll-mt-36 scroll-mb-5 gap-2 rounded-lg border p-3 ${isCurrent ? 'border-accent ring-1 ring-accent' : 'border-line'}`}
    >
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span
          aria-hidden="true"
          className={`w-4 text-center ${step.error === undefined ? look : 'font-bold text-wrong'}`}
        >
          {step.error === undefined ? sign : '!'}
        </span>
        <h4 className="min-w-0 font-semibold break-all">
          <span className="sr-only">Step {number}: </span>
          {stepName(step)}
        </h4>
        {step.error === undefined ? null : <Badge look="bg-wrong-soft text-wrong">{`✗ ${step.error}`}</Badge>}
        {step.limit === undefined ? null : (
          <Badge look="bg-warning-soft text-warning">{`■ limit: ${step.limit}`}</Badge>
        )}
        <span className="ms-auto text-xs whitespace-nowrap text-muted tabular-nums">
          turn {step.turn} · {step.startedMs === 0 ? 'at the start' : `after ${duration(step.startedMs)}`}
        </span>
      </div>
      {step.thought === '' ? null : <FoldedText label="Thought" text={step.thought} />}
      {asked === '' ? null : <FoldedText label={`Arguments of ${stepName(step)}`} text={asked} />}
      <FoldedText label={bodyLabels[step.kind]} text={step.text} />
      {step.error === undefined ? null : (
        <p className="rounded-md bg-wrong-soft px-3 py-2 text-wrong">{errorText(step.error)}</p>
      )}
      {step.limit === undefined ? null : (
        <p className="rounded-md bg-warning-soft px-3 py-2 text-warning">
          The agent was stopped without an answer: {limitText(step.limit)}.
        </p>
      )}
      <Costs step={step} />
    </li>
  );
}
