'use client';
import { PageLink } from '../page-link.tsx';
import { Button } from '../parts.tsx';
import type { Checks } from './use-checks.ts';
import type { Save } from './use-save.ts';

export function SaveProblem({ save }: { save: Save }) {
  if (save.error === undefined) return null;
  const message = save.error instanceof Error ? save.error.message : String(save.error);
  return (
    <div role="alert" className="mb-4 rounded-lg border border-line bg-wrong-soft p-4 text-wrong">
      <p className="font-medium break-words">{message}</p>
      {save.conflict ? (
        <>
          <p className="mt-1">
            The draft was changed elsewhere since you opened it, and was not saved. Your text is still here.
          </p>
          <div className="mt-3 flex flex-wrap gap-2">
            <Button disabled={save.busy} onClick={save.loadTheirs}>
              Load theirs
            </Button>
            <Button disabled={save.busy} onClick={save.keepAsNew}>
              Keep mine as a new experiment
            </Button>
          </div>
        </>
      ) : null}
    </div>
  );
}

export function Restored({ onDiscard }: { onDiscard: () => void }) {
  return (
    <div
      role="status"
      className="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-line bg-surface px-4 py-2"
    >
      <span className="mr-auto">What you had written here before is back.</span>
      <Button onClick={onDiscard}>Start over</Button>
    </div>
  );
}

export function Examples({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <nav aria-label="Examples" className="mb-4 flex flex-wrap gap-x-3 gap-y-1 text-muted">
      <span>Start from an example:</span>
      {names.map((name) => (
        <PageLink
          key={name}
          href={`/experiments/new?example=${encodeURIComponent(name)}`}
          className="text-accent underline underline-offset-2"
        >
          {name}
        </PageLink>
      ))}
    </nav>
  );
}

/** Says whether the text is an experiment. */
export function ValidationLine({ checks: { validation, validationError } }: { checks: Checks }) {
  const bad = validationError !== null || validation?.ok === false;
  const line = validation?.error?.line;
  const known = validation?.error?.message ?? '';
  const text =
    validationError !== null
      ? `Not checked: ${validationError.message}`
      : validation === undefined
        ? 'Checking…'
        : validation.ok
          ? `Valid: ${validation.variants.length} ${validation.variants.length === 1 ? 'variant' : 'variants'}: ${validation.variants.join(', ')}`
          : `${line == null || /\bline \d/.test(known) ? '' : `Line ${line}: `}${known}`;
  return (
    <p
      role="status"
      aria-live="polite"
      className={`max-h-32 min-h-9 overflow-y-auto rounded-md px-3 py-2 break-words ${bad ? 'bg-wrong-soft text-wrong' : 'bg-raised text-ink'}`}
    >
      {text}
    </p>
  );
}
