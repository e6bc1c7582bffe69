import type { ReactNode } from 'react';
import type { TrainingDetail, TrainingRun } from '../../lib/api.ts';
import { count } from '../../lib/format.ts';
import { bytes, shortDigest } from '../../lib/training-figures.ts';
import { PageLink } from '../page-link.tsx';
import { Section, VerdictBadge } from '../parts.tsx';

const linkClass = 'break-words text-accent hover:underline';

function Digest({ digest }: { digest: string }) {
  return (
    <code title={digest} className="font-mono text-xs">
      {shortDigest(digest)}
    </code>
  );
}

/** One station. From 1280 px they stand beside each other, an arrow between them. */
function Station({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="relative min-w-0 rounded-md border border-line p-3 not-last:after:absolute not-last:after:-bottom-5 not-last:after:left-1/2 not-last:after:text-muted not-last:after:content-['↓'] xl:not-last:after:top-1/2 xl:not-last:after:-right-[1.15rem] xl:not-last:after:bottom-auto xl:not-last:after:left-auto xl:not-last:after:-translate-y-1/2 xl:not-last:after:content-['→']">
      <h3 className="mb-2 text-xs font-medium text-muted">{title}</h3>
      <div className="grid gap-2">{children}</div>
    </li>
  );
}

function Pairs({ training }: { training: TrainingDetail }) {
  const data = training.report?.data;
  if (data == null) return <p className="text-muted">Told by the report, once it is there.</p>;
  const { set, fingerprint, counts, sourceExperiments = [] } = data;
  return (
    <>
      <p>
        <span className="font-medium break-words">{set.name}</span>{' '}
        {typeof set.options.path === 'string' ? <span className="break-all text-muted">{set.options.path}</span> : null}
      </p>
      <p className="tabular-nums">
        {count(counts.train)} to train on, {count(counts.validation)} to validate, {count(counts.test)} held out
      </p>
      <p className="text-muted">
        Fingerprint <Digest digest={fingerprint} />
      </p>
      {sourceExperiments.length === 0 ? null : (
        <p>
          Made from{' '}
          {sourceExperiments.map((id, i) => (
            <span key={id}>
              {i > 0 ? ', ' : ''}
              <PageLink href={`/experiment?id=${id}`} className={linkClass}>
                experiment {id.slice(-6)}
              </PageLink>
            </span>
          ))}
        </p>
      )}
    </>
  );
}

function RunArtifacts({ run }: { run: TrainingRun }) {
  return (
    <div className="min-w-0">
      <p className="font-medium break-words">{run.variant}</p>
      <ul className="grid gap-0.5">
        {run.artifacts.map(({ kind, path, sha256, sizeBytes }) => (
          <li key={path} className="break-words" title={`${run.folder ?? ''}/${path}`}>
            {kind} <span className="text-muted">{bytes(sizeBytes)}</span> <Digest digest={sha256} />
          </li>
        ))}
      </ul>
    </div>
  );
}

const fewRuns = 2;

function Adapters({ runs }: { runs: readonly TrainingRun[] }) {
  const made = runs.filter(({ artifacts }) => artifacts.length > 0);
  if (made.length === 0) return <p className="text-muted">None yet.</p>;
  return (
    <>
      {made.slice(0, fewRuns).map((run) => (
        <RunArtifacts key={run.id} run={run} />
      ))}
      {made.length > fewRuns ? (
        <details>
          <summary className="text-accent">{made.length - fewRuns} more</summary>
          <div className="mt-2 grid gap-2">
            {made.slice(fewRuns).map((run) => (
              <RunArtifacts key={run.id} run={run} />
            ))}
          </div>
        </details>
      ) : null}
    </>
  );
}

function Evaluations({ training }: { training: TrainingDetail }) {
  const evaluations = training.report?.evaluations ?? [];
  if (evaluations.length === 0) return <p className="text-muted">None yet.</p>;
  return (
    <ul className="grid gap-2">
      {evaluations.map(({ experimentId, name, variant, sentences }) => (
        <li key={`${experimentId} ${name} ${variant}`} className="min-w-0">
          <PageLink href={`/experiment?id=${experimentId}`} className={linkClass}>
            {name}
          </PageLink>{' '}
          <span className="break-words text-muted">{variant}</span>
          {sentences.map((sentence) => (
            <p key={sentence} className="break-words">
              {sentence}
            </p>
          ))}
        </li>
      ))}
    </ul>
  );
}

function Verdicts({ training }: { training: TrainingDetail }) {
  if (training.verdicts.length === 0) return <p className="text-muted">None yet.</p>;
  return (
    <ul className="grid gap-2">
      {training.verdicts.map(({ sentence, kind }) => (
        <li key={sentence} className="break-words">
          <VerdictBadge verdict={kind} /> {sentence}
        </li>
      ))}
    </ul>
  );
}

/** From the rows to the verdict: what was made of what, and where to see it. */
export function Lineage({ training }: { training: TrainingDetail }) {
  return (
    <Section title="Lineage">
      <ol className="grid gap-6 xl:grid-cols-4">
        <Station title={training.objective === 'dpo' ? 'Pairs' : 'Rows'}>
          <Pairs training={training} />
        </Station>
        <Station title="Trained">
          <Adapters runs={training.runs} />
        </Station>
        <Station title="Evaluated">
          <Evaluations training={training} />
        </Station>
        <Station title="Verdict">
          <Verdicts training={training} />
        </Station>
      </ol>
    </Section>
  );
}
