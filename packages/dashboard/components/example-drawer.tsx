'use client';
import { useQuery } from '@tanstack/react-query';
import { Dialog } from 'radix-ui';
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { agentStepsOf, otherSteps } from '../lib/agent-trace.ts';
import { api, type Call, type Result } from '../lib/api.ts';
import { count, duration } from '../lib/format.ts';
import { outcomeMarks, outcomeOf } from '../lib/outcome.ts';
import { Button, ErrorState, Loading } from './parts.tsx';
import { Claims } from './result/claims.tsx';
import { Passages } from './result/passages.tsx';

// Few examples have one.
const AgentTrace = lazy(async () => ({ default: (await import('./trace/agent-trace.tsx')).AgentTrace }));

function CopyButton({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState('copy');
  // Browsers refuse it on pages that came over plain HTTP from another machine.
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('copied');
    } catch {
      setSaid('not allowed here');
    }
    setTimeout(() => setSaid('copy'), 1500);
  };
  return (
    <button
      type="button"
      className="rounded px-1.5 py-0.5 text-xs text-muted hover:bg-raised hover:text-ink"
      aria-label={`Copy ${label}`}
      onClick={() => void copy()}
    >
      <span aria-live="polite">{said}</span>
    </button>
  );
}

/** What a person or a model wrote: text, whatever it looks like. */
function TextBlock({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <div className="mb-1 flex items-center justify-between">
        <h4 className="text-xs font-medium text-muted">{label}</h4>
        <CopyButton text={text} label={label} />
      </div>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        className="max-h-96 overflow-auto rounded-md bg-raised p-3 font-mono text-xs break-words whitespace-pre-wrap"
      >
        {text === '' ? '(empty)' : text}
      </pre>
    </div>
  );
}

function Fact({ name, wide = false, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={`min-w-0 ${wide ? 'sm:col-span-2' : ''}`}>
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="break-words whitespace-pre-wrap">{children}</dd>
    </div>
  );
}

function Timing({ timing }: { timing: Call['timing'] }) {
  const parts = [
    ['queued', timing.queuedMs, 'bg-line'],
    ['prefill', timing.prefillMs, 'bg-muted'],
    ['decode', timing.decodeMs, 'bg-accent'],
  ] as const;
  const sum = parts.reduce((total, [, ms]) => total + ms, 0);
  return (
    <div>
      <div aria-hidden="true" className="flex h-2 overflow-hidden rounded-sm bg-raised">
        {parts.map(([name, ms, look]) => (
          <span key={name} className={look} style={{ width: `${sum > 0 ? (100 * ms) / sum : 0}%` }} />
        ))}
      </div>
      <p className="mt-1 text-xs text-muted tabular-nums">
        {parts.map(([name, ms]) => `${name} ${duration(ms)}`).join(' · ')} · total {duration(timing.totalMs)}
      </p>
    </div>
  );
}

function CallDetails({ call }: { call: Call }) {
  const { usage, sampling } = call;
  return (
    <section aria-label={`Call ${call.index + 1}`} className="grid gap-3 border-t border-line pt-4">
      <h3 className="font-semibold">
        Call {call.index + 1}
        {call.cached ? (
          <span className="ms-2 rounded-full bg-warning-soft px-2 py-0.5 text-xs font-medium text-warning">
            from the cache: times are those of the first call
          </span>
        ) : null}
      </h3>
      <TextBlock label="Prompt" text={call.prompt} />
      <TextBlock label={`Output (${call.finishReason})`} text={call.output} />
      {call.error === undefined ? null : (
        <p className="rounded-md bg-wrong-soft p-3 break-words text-wrong">
          {call.error.kind}: {call.error.message}
        </p>
      )}
      <Timing timing={call.timing} />
      <p className="text-xs text-muted tabular-nums">
        {count(usage.promptTokens)} prompt tokens ({count(usage.cachedPromptTokens)} reused),{' '}
        {count(usage.completionTokens)} completion tokens · temperature {sampling.temperature}, at most{' '}
        {count(sampling.maxTokens)} tokens · seed {call.seed}
        {call.retries > 0 ? ` · ${call.retries} retries` : ''}
      </p>
    </section>
  );
}

function ResultDetails({ result, metric }: { result: Result; metric: string }) {
  const outcome = outcomeOf({ failureKind: result.failure?.kind ?? null, scores: result.scores }, metric);
  const { sign, look } = outcomeMarks[outcome];
  const agentSteps = useMemo(() => agentStepsOf(result.steps), [result]);
  // Passages, claims and the steps of agents have views of their own.
  const steps = otherSteps(result.steps).filter(({ kind }) => kind !== 'passage' && kind !== 'claim');
  const calls = result.calls.map((call) => <CallDetails key={call.index} call={call} />);
  return (
    <div className="grid gap-4">
      <p>
        <span className={`rounded-full px-2 py-0.5 text-xs font-medium ${look}`}>
          <span aria-hidden="true">{sign} </span>
          {outcome}
        </span>
      </p>
      <dl className="grid gap-3 sm:grid-cols-2">
        <Fact name="Question" wide>
          {result.question}
        </Fact>
        <Fact name="Targets">{result.targets.join('\n')}</Fact>
        <Fact name="Answer">{result.answer === '' ? '(empty)' : result.answer}</Fact>
        <Fact name="Scores">
          {Object.entries(result.scores)
            .map(([name, score]) => `${name} ${Number.isInteger(score) ? score : score.toFixed(3)}`)
            .join('\n')}
        </Fact>
        <Fact name="Latency">{duration(result.latencyMs)}</Fact>
        {result.flags.length > 0 ? <Fact name="Flags">{result.flags.join(', ')}</Fact> : null}
        {result.cluster === undefined ? null : <Fact name="Cluster">{result.cluster}</Fact>}
      </dl>
      {result.failure === undefined ? null : (
        <p className="rounded-md bg-wrong-soft p-3 break-words text-wrong">
          {result.failure.kind}: {result.failure.message}
        </p>
      )}
      {agentSteps.length === 0 ? null : (
        <Suspense fallback={<Loading height={400} />}>
          <AgentTrace steps={agentSteps} isCached={result.calls.some(({ cached }) => cached)} />
        </Suspense>
      )}
      <Passages result={result} />
      <Claims result={result} />
      {steps.length === 0 ? null : (
        <section aria-label="Steps" className="grid gap-3 border-t border-line pt-4">
          <h3 className="font-semibold">Steps</h3>
          {steps.map((step, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place.
            <TextBlock key={i} label={`Step ${i + 1}: ${step.kind}`} text={step.text} />
          ))}
        </section>
      )}
      {agentSteps.length === 0 ? (
        calls
      ) : (
        <details className="border-t border-line pt-4">
          <summary className="font-semibold">Calls of the model as they were sent ({calls.length})</summary>
          <div className="mt-4 grid gap-4">{calls}</div>
        </details>
      )}
    </div>
  );
}

function MoveButton({
  label,
  sign,
  keys,
  move,
}: {
  label: string;
  sign: string;
  keys: string;
  move: (() => void) | undefined;
}) {
  return (
    <Button
      aria-label={`${label} example`}
      aria-keyshortcuts={keys}
      title={`${label} example (${keys})`}
      // Not `disabled`: at the last example the focus would be lost with the button.
      aria-disabled={move === undefined}
      className="aria-disabled:cursor-not-allowed aria-disabled:opacity-50"
      onClick={move}
    >
      <span aria-hidden="true">{sign}</span>
    </Button>
  );
}

/** One example whole, at the side of the page. */
export function ExampleDrawer({
  runId,
  exampleId,
  metric,
  onMove,
  onClose,
}: {
  runId: string;
  exampleId: string;
  metric: string;
  /** To the example before or after; undefined where there is none. */
  onMove: (by: -1 | 1) => (() => void) | undefined;
  onClose: () => void;
}) {
  const { data, error, refetch } = useQuery({
    queryKey: ['result', runId, exampleId],
    queryFn: ({ signal }) => api.result(runId, exampleId, { signal }),
  });
  return (
    <Dialog.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 end-0 z-50 w-full overflow-y-auto border-s border-line bg-surface p-5 shadow-xl sm:max-w-2xl"
        >
          <div className="mb-4 flex items-start gap-3">
            <Dialog.Title className="mr-auto min-w-0 font-mono text-sm font-semibold break-all">
              {exampleId}
            </Dialog.Title>
            <MoveButton label="Previous" sign="‹" keys="k" move={onMove(-1)} />
            <MoveButton label="Next" sign="›" keys="j" move={onMove(1)} />
            <Dialog.Close asChild>
              <Button aria-label="Close the example">Close</Button>
            </Dialog.Close>
          </div>
          {error === null ? null : <ErrorState error={error} retry={() => void refetch()} />}
          {data === undefined ? (
            error === null ? (
              <Loading height={400} />
            ) : null
          ) : (
            <ResultDetails key={exampleId} result={data} metric={metric} />
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
