'use client';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type Corpus, type Passage, type Retrieval } from '../../lib/api.ts';
import { duration } from '../../lib/format.ts';
import { useMay } from '../../lib/session.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { usedSpans } from '../../lib/used-spans.ts';
import { Labelled } from '../labelled.tsx';
import { Button, ErrorState, inputClass, Loading } from '../parts.tsx';
import { StageScores } from '../result/passages.tsx';

const bundled = 'models/lab-encoders/';

/** The ways to search that are set side by side; `crossEncoder` is a folder or a repository of the hub. */
function retrieversFor(corpus: string, crossEncoder: string): Record<string, unknown> {
  const plain = {
    dense: { name: 'dense', corpus },
    bm25: { name: 'bm25', corpus },
    hybrid: { name: 'hybrid', corpus },
  };
  if (crossEncoder === '') return plain;
  const reranked = {
    name: 'reranked',
    first: { name: 'hybrid', corpus },
    crossEncoder: { name: 'cross-encoder', model: crossEncoder },
  };
  return { ...plain, reranked };
}

/** The bundled cross-encoder knows only the world that the bundled embedder knows. */
const crossEncoderFor = (corpus: Corpus | undefined) =>
  corpus?.embedder.startsWith(bundled) ? `${bundled}cross-encoder` : '';

/** Words that every passage has: to mark them says nothing. */
const everywhere = new Set(
  'a an and are did do does for how in is me of on tell the to was what when where which who why'.split(' '),
);

function Found({ passage, rank, query }: { passage: Passage; rank: number; query: string }) {
  const words = (query.match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !everywhere.has(word.toLowerCase()));
  return (
    <li className="rounded-md border border-line p-2.5 text-sm">
      <p className="mb-1 flex gap-2">
        <span className="text-muted tabular-nums">{rank}</span>
        <span className="min-w-0 font-medium wrap-anywhere">{passage.title || passage.documentId}</span>
      </p>
      <p className="line-clamp-6 break-words">
        {usedSpans(passage.text, words).map((span, i) =>
          span.used ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, in its order.
            <mark key={i} className="rounded-sm bg-warning-soft text-ink">
              {span.text}
            </mark>
          ) : (
            span.text
          ),
        )}
      </p>
      <div className="mt-1.5">
        <StageScores stages={passage.stages} />
      </div>
    </li>
  );
}

function Column({ retrieval, query }: { retrieval: Retrieval; query: string }) {
  const { label, passages, tookMs, error } = retrieval;
  return (
    <section aria-label={label} className="min-w-0">
      <h3 className="mb-2 flex items-baseline gap-2">
        <span className="font-semibold">{label}</span>
        {error === null ? <span className="text-xs text-muted tabular-nums">{duration(tookMs)}</span> : null}
      </h3>
      {error === null ? null : <ErrorState error={error} />}
      {error === null && passages.length === 0 ? <p className="text-muted">Nothing found.</p> : null}
      <ol className="grid gap-2">
        {passages.map((passage, i) => (
          <Found key={passage.id} passage={passage} rank={i + 1} query={query} />
        ))}
      </ol>
    </section>
  );
}

interface Asked {
  readonly corpus: Corpus;
  readonly query: string;
  readonly topK: number;
  readonly crossEncoder: string;
}

function Results({ corpus, query, topK, crossEncoder }: Asked) {
  const { data, error, refetch } = useQuery({
    queryKey: ['retrieve', corpus.file, corpus.finishedAt, query, topK, crossEncoder],
    queryFn: ({ signal }) =>
      api.retrieve({ query, topK, retrievers: retrieversFor(corpus.file, crossEncoder) }, { signal }),
    // Times are measured, not remembered.
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (error !== null) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading height={480} label="Searching" />;
  return (
    <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
      {data.items.map((retrieval) => (
        <Column key={retrieval.label} retrieval={retrieval} query={query} />
      ))}
    </div>
  );
}

/** One query, every retriever, side by side. What was asked is in the address. */
export function Playground({ corpora }: { corpora: readonly Corpus[] }) {
  const { get, set } = useUrlState();
  const chosen = corpora.find(({ file }) => file === get('corpus')) ?? corpora[0];
  const [model, setModel] = useState(get('cross-encoder') || crossEncoderFor(chosen));
  const query = get('query');
  const topK = Math.min(50, Math.max(1, Math.trunc(Number(get('k'))) || 5));
  const maySearch = useMay('editor');
  if (chosen === undefined) return null;
  if (!maySearch) return <p className="text-muted">To search here needs a token of the role editor.</p>;

  function search(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    set({ query: text('query'), k: text('k'), 'cross-encoder': text('model') });
  }

  return (
    <>
      <form
        onSubmit={search}
        className="mb-4 grid items-start gap-3 sm:grid-cols-2 lg:grid-cols-[12rem_1fr_6rem_16rem_auto]"
      >
        <Labelled
          label="Corpus"
          control={(ids) => (
            <select
              {...ids}
              className={inputClass}
              value={chosen.file}
              onChange={(event) => {
                setModel(crossEncoderFor(corpora.find(({ file }) => file === event.target.value)));
                set({ corpus: event.target.value, 'cross-encoder': undefined });
              }}
            >
              {corpora.map(({ file, name }) => (
                <option key={file} value={file}>
                  {name}
                </option>
              ))}
            </select>
          )}
        />
        <Labelled
          label="Query"
          control={(ids) => (
            <input {...ids} name="query" className={inputClass} required maxLength={10_000} defaultValue={query} />
          )}
        />
        <Labelled
          label="Passages"
          control={(ids) => (
            <input {...ids} name="k" type="number" min={1} max={50} className={inputClass} defaultValue={topK} />
          )}
        />
        <Labelled
          label="Cross-encoder"
          help="Folder or owner/repo; empty: no reranking."
          control={(ids) => (
            <input
              {...ids}
              name="model"
              className={inputClass}
              value={model}
              onChange={(event) => setModel(event.target.value)}
            />
          )}
        />
        <Button type="submit" look="primary" className="mt-6">
          Search
        </Button>
      </form>
      {query === '' ? (
        <p className="text-muted">Each retriever’s passages stand side by side, with the score of every stage.</p>
      ) : (
        <Results
          corpus={chosen}
          query={query}
          topK={topK}
          crossEncoder={get('cross-encoder') || crossEncoderFor(chosen)}
        />
      )}
    </>
  );
}
