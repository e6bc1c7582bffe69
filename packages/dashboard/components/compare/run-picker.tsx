'use client';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { api } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { useTypedText } from '../../lib/url-state.ts';
import { Button, EmptyState, ErrorState, inputClass, Loading, Section } from '../parts.tsx';
import { ScoreBar } from '../score-bar.tsx';

const most = 10;

/** Chooses finished runs, of any experiments; the first one chosen is the baseline. */
export function RunPicker({ onCompare }: { onCompare: (runs: readonly string[]) => void }) {
  const [search, setSearch] = useState('');
  const settle = useCallback((text: string) => setSearch(text), []);
  const [text, setText] = useTypedText(search, settle);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { data, error, refetch } = useQuery({
    queryKey: ['experiments', { text: search, status: 'finished' }, 'picker'],
    queryFn: ({ signal }) => api.experiments({ text: search, status: 'finished', limit: 30 }, { signal }),
    placeholderData: (before) => before,
  });
  const enough = chosen.length >= 2 && chosen.length <= most;
  return (
    <Section
      title="Choose two to ten finished runs"
      actions={
        <>
          <span role="status" className="text-muted">
            {chosen.length} chosen{chosen.length > 0 ? '; the first is the baseline' : ''}
          </span>
          <Button look="primary" disabled={!enough} onClick={() => onCompare(chosen)}>
            Compare
          </Button>
        </>
      }
    >
      <label className="mb-3 block max-w-md">
        <span className="sr-only">Search experiments</span>
        <input
          type="search"
          className={inputClass}
          placeholder="Search experiments by name"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {error === null ? null : <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && error === null ? <Loading height={300} /> : null}
      {data?.items.length === 0 ? <EmptyState title="No finished run found" /> : null}
      <ul className="divide-y divide-line">
        {data?.items.map((item) => (
          <li key={item.id} className="grid gap-1 py-3">
            <h3 className="font-medium break-words">
              {item.name} <span className="text-xs font-normal text-muted">{moment(item.createdAt)}</span>
            </h3>
            {item.runs
              .filter((run) => run.status === 'finished')
              .map((run) => (
                <label key={run.id} className="flex flex-wrap items-center gap-x-3 gap-y-1">
                  <input
                    type="checkbox"
                    className="size-4 accent-accent"
                    checked={chosen.includes(run.id)}
                    onChange={(event) =>
                      setChosen(event.target.checked ? [...chosen, run.id] : chosen.filter((id) => id !== run.id))
                    }
                  />
                  <span className="w-44 break-words">{run.variant}</span>
                  {run.score === null ? null : <ScoreBar estimate={run.score} />}
                </label>
              ))}
          </li>
        ))}
      </ul>
    </Section>
  );
}
