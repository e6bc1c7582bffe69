'use client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type Corpus } from '../../lib/api.ts';
import { count, moment } from '../../lib/format.ts';
import { useMay } from '../../lib/session.ts';
import { Button, ErrorState, Section } from '../parts.tsx';

const looks: Record<Corpus['state'], string> = {
  broken: 'bg-wrong-soft text-wrong',
  'not-ingested': 'bg-raised text-muted',
  ingesting: 'bg-accent-soft text-accent',
  ingested: 'bg-correct-soft text-correct',
};

function Facts({ corpus }: { corpus: Corpus }) {
  const facts: [string, string | null][] = [
    ['Sources', corpus.sources.join(', ')],
    ['Documents', corpus.documents === null ? null : count(corpus.documents)],
    ['Chunks', corpus.chunks === null ? null : count(corpus.chunks)],
    ['Cut at', `${corpus.chunkTokens} tokens, ${corpus.overlapTokens} of them repeated`],
    ['Embedder', `${corpus.embedder}${corpus.dimension === null ? '' : ` (${corpus.dimension} dimensions)`}`],
    ['Index', corpus.index],
    ['Ingested', corpus.finishedAt === null ? null : moment(corpus.finishedAt)],
  ];
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 wrap-anywhere tabular-nums">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function IngestProgress({ progress }: { progress: NonNullable<Corpus['progress']> }) {
  return (
    <div className="mt-3">
      <progress
        aria-label="Ingestion"
        className="h-2 w-full accent-(--accent)"
        value={progress.done}
        max={Math.max(1, progress.total)}
      />
      <p className="text-xs text-muted tabular-nums">{progress.message}</p>
    </div>
  );
}

/** What a corpus is made of, and whether it can be searched. */
export function CorpusCard({ corpus }: { corpus: Corpus }) {
  const client = useQueryClient();
  const mayEdit = useMay('editor');
  const ingest = useMutation({
    mutationFn: () => api.ingest(corpus.file),
    onSettled: () => client.invalidateQueries({ queryKey: ['corpora'] }),
  });
  return (
    <Section
      title={corpus.name}
      actions={
        <>
          <span className={`rounded-full px-2 py-0.5 text-xs font-medium ${looks[corpus.state]}`}>
            {corpus.state.replace('-', ' ')}
          </span>
          {corpus.state === 'broken' || !mayEdit ? null : (
            <Button
              aria-label={`${corpus.state === 'ingested' ? 'Update' : 'Ingest'} ${corpus.name}`}
              disabled={ingest.isPending || corpus.state === 'ingesting'}
              onClick={() => ingest.mutate()}
            >
              {corpus.state === 'ingested' ? 'Update' : 'Ingest'}
            </Button>
          )}
        </>
      }
    >
      {corpus.description === '' ? null : (
        <p className="mb-3 max-w-prose break-words text-muted">{corpus.description}</p>
      )}
      {corpus.error === null ? <Facts corpus={corpus} /> : <ErrorState error={corpus.error} />}
      {corpus.progress === null ? null : <IngestProgress progress={corpus.progress} />}
      {corpus.lastError === null ? null : <ErrorState error={corpus.lastError} />}
      {ingest.error === null ? null : <ErrorState error={ingest.error} />}
    </Section>
  );
}
