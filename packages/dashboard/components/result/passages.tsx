import type { Result } from '../../lib/api.ts';
import { usedSpans } from '../../lib/used-spans.ts';

export type Step = Result['steps'][number];

const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined);
const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

/** Scores as retrieval stages gave them: each on a scale of its own. */
export function StageScores({ stages }: { stages: Readonly<Record<string, unknown>> }) {
  return (
    <dl className="flex flex-wrap gap-x-3 gap-y-0.5 text-xs text-muted tabular-nums">
      {Object.entries(stages).map(([stage, score]) => (
        <div key={stage} className="flex gap-1">
          <dt>{stage}</dt>
          <dd>{numberOf(score)?.toPrecision(3)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Passage({ passage, texts, cited }: { passage: Step; texts: readonly string[]; cited: boolean }) {
  const title = textOf(passage.title) || textOf(passage.documentId);
  const isLeftOut = passage.inPrompt === false;
  return (
    <li className={`rounded-md border border-line p-3 ${isLeftOut ? 'opacity-70' : ''}`}>
      <p className="mb-1 flex flex-wrap items-baseline gap-x-2 text-sm">
        <span className="font-medium tabular-nums">[{numberOf(passage.rank)}]</span>
        <span className="mr-auto min-w-0 font-medium break-words">{title}</span>
        {cited ? <span className="rounded-full bg-accent-soft px-2 text-xs text-accent">cited</span> : null}
        {isLeftOut ? <span className="text-xs text-muted">not in the prompt: no room</span> : null}
      </p>
      <p className="text-sm break-words whitespace-pre-wrap">
        {usedSpans(passage.text, texts).map((span, i) =>
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
      {passage.stages instanceof Object ? (
        <div className="mt-1.5">
          <StageScores stages={passage.stages as Record<string, unknown>} />
        </div>
      ) : null}
    </li>
  );
}

/** What was retrieved, with the words that the answer took from it marked. */
export function Passages({ result }: { result: Result }) {
  const passages = result.steps.filter(({ kind }) => kind === 'passage');
  if (passages.length === 0) return null;
  const claims = result.steps.filter(({ kind }) => kind === 'claim').map(({ text }) => text);
  const texts = [result.answer, ...claims].filter((text) => text !== '');
  const cited = new Set(result.steps.flatMap((step) => (Array.isArray(step.cited) ? step.cited : [])));
  return (
    <section aria-label="Passages" className="grid gap-2 border-t border-line pt-4">
      <h3 className="font-semibold">Retrieved passages</h3>
      <p className="text-xs text-muted">Marked: words that the answer or a claim takes from the passage.</p>
      <ol className="grid gap-2">
        {passages.map((passage) => (
          <Passage
            key={`${textOf(passage.id)} ${passage.rank}`}
            passage={passage}
            texts={texts}
            cited={cited.has(passage.rank)}
          />
        ))}
      </ol>
    </section>
  );
}
