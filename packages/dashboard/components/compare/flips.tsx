'use client';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type ComparedRuns, type Comparison } from '../../lib/api.ts';
import { count } from '../../lib/format.ts';
import { outcomeMarks, outcomeOf } from '../../lib/outcome.ts';
import { Button, ErrorState, Loading } from '../parts.tsx';

type ComparedRun = ComparedRuns['runs'][number];
const pageSize = 25;

function Side({ run, exampleId, metric }: { run: ComparedRun; exampleId: string; metric: string }) {
  const { data, error } = useQuery({
    queryKey: ['result', run.id, exampleId],
    queryFn: ({ signal }) => api.result(run.id, exampleId, { signal }),
  });
  if (error !== null) return <ErrorState error={error} />;
  if (data === undefined) return <Loading height={120} />;
  const outcome = outcomeOf({ failureKind: data.failure?.kind ?? null, scores: data.scores }, metric);
  const last = data.calls.at(-1);
  return (
    <div className="min-w-0">
      <p className="mb-1 flex items-center gap-2 font-medium">
        {run.label}
        <span className={`rounded-full px-2 py-0.5 text-xs ${outcomeMarks[outcome].look}`}>
          <span aria-hidden="true">{outcomeMarks[outcome].sign} </span>
          {outcome}
        </span>
      </p>
      <p className="break-words whitespace-pre-wrap">
        <span className="text-muted">answer: </span>
        {data.failure?.message ?? (data.answer === '' ? '(empty)' : data.answer)}
      </p>
      {last === undefined ? null : (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
          tabIndex={0}
          className="mt-2 max-h-60 overflow-auto rounded-md bg-raised p-2 font-mono text-xs break-words whitespace-pre-wrap"
        >
          {last.output === '' ? '(empty)' : last.output}
        </pre>
      )}
    </div>
  );
}

/** The question once, and what both runs made of it. */
function Flip({
  exampleId,
  runs,
  metric,
}: {
  exampleId: string;
  runs: readonly [ComparedRun, ComparedRun];
  metric: string;
}) {
  const { data } = useQuery({
    queryKey: ['result', runs[0].id, exampleId],
    queryFn: ({ signal }) => api.result(runs[0].id, exampleId, { signal }),
  });
  return (
    <div className="grid gap-3 py-3">
      {data === undefined ? (
        <Loading height={40} />
      ) : (
        <p className="break-words whitespace-pre-wrap">
          {data.question} <span className="text-muted">Target: {data.targets.join(' | ')}</span>
        </p>
      )}
      <div className="grid gap-4 md:grid-cols-2">
        {runs.map((run) => (
          <Side key={run.id} run={run} exampleId={exampleId} metric={metric} />
        ))}
      </div>
    </div>
  );
}

function FlipList({
  title,
  flips,
  runs,
  metric,
}: {
  title: string;
  flips: Comparison['flips']['gained'];
  runs: readonly [ComparedRun, ComparedRun];
  metric: string;
}) {
  const [shown, setShown] = useState(pageSize);
  const [open, setOpen] = useState('');
  return (
    <details>
      <summary className="w-fit text-accent">
        {title}: {count(flips.count)}
      </summary>
      <ul className="mt-2 divide-y divide-line rounded-md border border-line">
        {flips.ids.slice(0, shown).map((id) => (
          <li key={id} className="px-3">
            <button
              type="button"
              aria-expanded={open === id}
              onClick={() => setOpen(open === id ? '' : id)}
              className="w-full py-1.5 text-start font-mono text-xs break-all hover:text-accent"
            >
              <span aria-hidden="true">{open === id ? '▾ ' : '▸ '}</span>
              {id}
            </button>
            {open === id ? <Flip exampleId={id} runs={runs} metric={metric} /> : null}
          </li>
        ))}
      </ul>
      {flips.ids.length > shown ? (
        <Button className="mt-2" onClick={() => setShown(shown + pageSize)}>
          Show more
        </Button>
      ) : null}
      {flips.count > flips.ids.length && shown >= flips.ids.length ? (
        <p className="mt-2 text-muted">The first {count(flips.ids.length)} are listed.</p>
      ) : null}
    </details>
  );
}

/** The examples that changed sides between the baseline and a candidate. */
export function Flips({ comparison, compared }: { comparison: Comparison; compared: ComparedRuns }) {
  const baseline = compared.runs[0];
  const candidate = compared.runs.find((run) => run.label === comparison.candidate);
  if (baseline === undefined || candidate === undefined) return null;
  const lists = [
    [`Better in ${comparison.candidate}`, comparison.flips.gained],
    [`Better in ${comparison.baseline}`, comparison.flips.lost],
  ] as const;
  return (
    <div className="grid gap-2">
      {lists.map(([title, flips]) => (
        <FlipList key={title} title={title} flips={flips} runs={[baseline, candidate]} metric={compared.metric} />
      ))}
    </div>
  );
}
