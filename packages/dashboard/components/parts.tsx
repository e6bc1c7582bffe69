import type { ComponentProps, ReactNode } from 'react';
import type { BenchmarkState, ExperimentState, RunStatus, TrainingState } from '../lib/api.ts';

type State = BenchmarkState | ExperimentState | RunStatus | TrainingState;

const buttonLooks = {
  primary: 'bg-accent text-accent-ink hover:opacity-90',
  plain: 'border border-line bg-surface hover:bg-raised',
  danger: 'border border-line bg-surface text-wrong hover:bg-wrong-soft',
};

export function buttonClass(look: keyof typeof buttonLooks = 'plain'): string {
  return `inline-flex h-9 items-center justify-center gap-1.5 rounded-md px-3 font-medium whitespace-nowrap disabled:cursor-not-allowed disabled:opacity-50 ${buttonLooks[look]}`;
}

export function Button({
  look = 'plain',
  className = '',
  ...rest
}: ComponentProps<'button'> & { look?: keyof typeof buttonLooks }) {
  return <button type="button" {...rest} className={`${buttonClass(look)} ${className}`} />;
}

export const inputClass =
  'h-9 w-full rounded-md border border-line bg-surface px-2.5 text-ink placeholder:text-muted disabled:opacity-60';

/** A list to choose from, with its label beside it. */
export function Choice({
  label,
  value,
  values,
  onChange,
}: {
  label: string;
  value: string;
  values: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  return (
    <label className="flex items-center gap-2 text-muted">
      {label}
      <select className={`${inputClass} max-w-56`} value={value} onChange={(event) => onChange(event.target.value)}>
        {values.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function PageTitle({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <div className="mb-5 flex flex-wrap items-center gap-x-4 gap-y-2">
      <h1 className="mr-auto text-xl font-semibold tracking-tight break-words">{children}</h1>
      {actions}
    </div>
  );
}

/** A titled part of a page. */
export function Section({
  title,
  actions,
  children,
  className = '',
  id,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  /** Where other parts of the page lead to it. */
  id?: string;
}) {
  return (
    <section
      id={id}
      tabIndex={id === undefined ? undefined : -1}
      aria-label={title}
      className={`min-w-0 scroll-mt-18 rounded-lg border border-line bg-surface ${className}`}
    >
      <div className="flex min-h-12 flex-wrap items-center gap-2 border-b border-line px-4 py-2">
        <h2 className="mr-auto font-semibold">{title}</h2>
        {actions}
      </div>
      <div className="p-4">{children}</div>
    </section>
  );
}

const stateLooks: Record<State, string> = {
  draft: 'bg-raised text-muted',
  pending: 'bg-raised text-muted',
  queued: 'bg-accent-soft text-accent',
  running: 'bg-accent-soft text-accent',
  evaluating: 'bg-accent-soft text-accent',
  loading: 'bg-accent-soft text-accent',
  reporting: 'bg-accent-soft text-accent',
  finished: 'bg-correct-soft text-correct',
  cancelled: 'bg-warning-soft text-warning',
  failed: 'bg-wrong-soft text-wrong',
};

export function StateBadge({ state }: { state: State }) {
  return (
    <span
      className={`inline-block rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${stateLooks[state]}`}
    >
      {state === 'loading' ? 'measuring loads' : state}
    </span>
  );
}

const verdictLooks: Record<string, string> = {
  better: 'bg-correct-soft text-correct',
  worse: 'bg-wrong-soft text-wrong',
  tied: 'bg-raised text-ink',
  underpowered: 'bg-warning-soft text-warning',
};

export function VerdictBadge({ verdict }: { verdict: string }) {
  return (
    <span
      className={`inline-block rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${verdictLooks[verdict] ?? 'bg-raised'}`}
    >
      {verdict === 'underpowered' ? 'cannot tell' : verdict}
    </span>
  );
}

interface MoreProps {
  readonly list: {
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    fetchNextPage(): Promise<unknown>;
  };
}

/** The button for the next page of a list, where there is one. */
export function LoadMore({ list }: MoreProps) {
  if (!list.hasNextPage) return null;
  return (
    <div className="mt-4 text-center">
      <Button disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
        {list.isFetchingNextPage ? 'Loading' : 'Load more'}
      </Button>
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid place-items-center gap-2 px-4 py-12 text-center">
      <p className="font-medium">{title}</p>
      <div className="max-w-prose text-muted">{children}</div>
    </div>
  );
}

/** What went wrong and what to do; `retry` tries again. */
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="rounded-lg border border-line bg-wrong-soft p-4 text-wrong">
      <p className="font-medium break-words">{error instanceof Error ? error.message : String(error)}</p>
      {retry === undefined ? null : (
        <Button className="mt-3" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Holds the place of what is on its way: the page does not jump when it comes. `height` in px. */
export function Loading({ height, label = 'Loading' }: { height: number; label?: string }) {
  return (
    <div role="status" aria-label={label} style={{ height }} className="rounded-lg bg-raised motion-safe:animate-pulse">
      <span className="sr-only">{label}</span>
    </div>
  );
}
