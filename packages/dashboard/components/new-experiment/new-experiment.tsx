'use client';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'next/navigation';
import { ApiError, api, type Catalog, type ExperimentDetail } from '../../lib/api.ts';
import { minimalSource } from '../../lib/experiment-document.ts';
import { useMay } from '../../lib/session.ts';
import { ErrorState, Loading, PageTitle } from '../parts.tsx';
import { type Start, Workbench } from './workbench.tsx';

function startFrom(
  catalog: Catalog,
  experiment: ExperimentDetail | undefined,
  wanted: { edit: string | null; example: string | null },
): Start | Error {
  if (experiment !== undefined) {
    const { id, source, revision, state } = experiment;
    if (wanted.edit === null) return { name: `from:${id}`, source };
    if (state !== 'draft')
      return new Error(`${experiment.name} has been started and can no longer be changed. Duplicate it instead.`);
    return { name: `edit:${id}`, source, editing: { id, revision } };
  }
  const source = catalog.examples.find(({ name }) => name === (wanted.example ?? 'quickstart'))?.source;
  if (wanted.example === null) return { name: '', source: source ?? minimalSource };
  if (source === undefined) return new Error(`There is no example called ${wanted.example}.`);
  return { name: `example:${wanted.example}`, source };
}

/** Finds the text to start from: a duplicate, a draft, an example, or the quickstart. */
export function NewExperiment() {
  const search = useSearchParams();
  const mayEdit = useMay('editor');
  const edit = search.get('edit');
  const id = edit ?? search.get('from');
  const example = search.get('example');
  const catalog = useQuery({
    queryKey: ['catalog'],
    queryFn: ({ signal }) => api.catalog({ signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const experiment = useQuery({
    // Under the text that is written, the one it came from must not change.
    queryKey: ['experiment to edit', id],
    queryFn: ({ signal }) => api.experiment(id ?? '', { signal }),
    enabled: id !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnReconnect: false,
  });

  const failed = [catalog, experiment].find((query) => query.isError && query.data === undefined);
  const ready = catalog.data !== undefined && (id === null || experiment.data !== undefined);
  const start = ready
    ? startFrom(catalog.data, id === null ? undefined : experiment.data, { edit, example })
    : undefined;
  if (!mayEdit) {
    return (
      <>
        <PageTitle>New experiment</PageTitle>
        <ErrorState error="To create an experiment you need a token of the role editor." />
      </>
    );
  }
  if (start === undefined || start instanceof Error || catalog.data === undefined) {
    const error = start ?? failed?.error;
    const gone = error instanceof ApiError && error.status === 404;
    return (
      <>
        <PageTitle>{edit === null ? 'New experiment' : 'Edit the draft'}</PageTitle>
        {error === undefined ? (
          <Loading height={640} />
        ) : (
          <ErrorState error={error} {...(failed === undefined || gone ? {} : { retry: () => void failed.refetch() })} />
        )}
      </>
    );
  }
  return <Workbench key={start.name} start={start} catalog={catalog.data} />;
}
