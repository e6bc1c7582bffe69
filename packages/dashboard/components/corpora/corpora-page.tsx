'use client';
import { useQuery } from '@tanstack/react-query';
import { api } from '../../lib/api.ts';
import { EmptyState, ErrorState, Loading, PageTitle, Section } from '../parts.tsx';
import { CorpusCard } from './corpus-card.tsx';
import { Playground } from './playground.tsx';

const whileIngestingMs = 1000;

export function CorporaPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['corpora'],
    queryFn: ({ signal }) => api.corpora({ signal }),
    refetchInterval: ({ state }) =>
      state.data?.items.some((corpus) => corpus.state === 'ingesting') ? whileIngestingMs : false,
  });
  const ready = data?.items.filter((corpus) => corpus.state === 'ingested') ?? [];
  return (
    <>
      <PageTitle>Corpora</PageTitle>
      {error === null ? null : <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined ? (
        error === null && <Loading height={400} />
      ) : data.items.length === 0 ? (
        <EmptyState title="No corpus yet">
          A corpus is a file in <code>corpora/</code> that says which documents there are, how they are cut, and what
          embeds and holds them.
        </EmptyState>
      ) : (
        <div className="grid gap-4">
          <ul className="grid gap-4 lg:grid-cols-2">
            {data.items.map((corpus) => (
              <li key={corpus.file} className="min-w-0">
                <CorpusCard corpus={corpus} />
              </li>
            ))}
          </ul>
          <Section title="Playground">
            {ready.length === 0 ? (
              <p className="text-muted">Ingest a corpus to search it here.</p>
            ) : (
              <Playground corpora={ready} />
            )}
          </Section>
        </div>
      )}
    </>
  );
}
