'use client';
import { useCallback, useMemo, useState } from 'react';
import type { Catalog } from '../../lib/api.ts';
import { readDocument } from '../../lib/experiment-document.ts';
import { Button, PageTitle, Section } from '../parts.tsx';
import { YamlEditor } from '../yaml-editor.tsx';
import { ExperimentForm } from './experiment-form.tsx';
import { Examples, Restored, SaveProblem, ValidationLine } from './notices.tsx';
import { PlanPanel } from './plan-panel.tsx';
import { useChecks } from './use-checks.ts';
import { useDraft } from './use-draft.ts';
import { useSave } from './use-save.ts';

export interface Start {
  /** Tells drafts apart. */
  readonly name: string;
  readonly source: string;
  readonly editing?: { readonly id: string; readonly revision: number };
}

const views = ['form', 'yaml'] as const;

function ViewSwitch({ view, onView }: { view: string; onView: (view: (typeof views)[number]) => void }) {
  return (
    <fieldset className="mb-4 grid grid-cols-2 gap-1 rounded-lg bg-raised p-1 lg:hidden">
      <legend className="sr-only">Show</legend>
      {views.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={view === one}
          onClick={() => onView(one)}
          className="h-9 rounded-md font-medium text-muted aria-pressed:bg-surface aria-pressed:text-ink"
        >
          {one === 'form' ? 'Form' : 'YAML'}
        </button>
      ))}
    </fieldset>
  );
}

/** The form and the text of one experiment, side by side. The text is the truth; the form reads and edits it. */
export function Workbench({ start, catalog }: { start: Start; catalog: Catalog }) {
  const given = { source: start.source, revision: start.editing?.revision };
  const draft = useDraft(start.name, given);
  const { source, edit } = draft;
  const checks = useChecks(source);
  const save = useSave(draft, start.editing?.id);
  const [view, setView] = useState<(typeof views)[number]>('form');
  const read = useMemo(() => readDocument(source), [source]);
  const [lastRead, setLastRead] = useState(() => (read.ok ? read.value : {}));
  if (read.ok && read.value !== lastRead) setLastRead(read.value);

  const setSource = useCallback((text: string) => edit(() => text), [edit]);
  const error = checks.validation?.error;
  const problems = useMemo(() => {
    if (!read.ok) return [{ line: read.line ?? 1, message: read.message }];
    return error?.line == null ? [] : [{ line: error.line, message: error.message }];
  }, [read, error]);

  return (
    <>
      <PageTitle
        actions={
          <div className="flex gap-2">
            <Button disabled={save.busy} onClick={() => save.save(false)}>
              {start.editing === undefined ? 'Save as draft' : 'Save'}
            </Button>
            <Button look="primary" disabled={save.busy} onClick={() => save.save(true)}>
              Start
            </Button>
          </div>
        }
      >
        {start.editing === undefined ? 'New experiment' : 'Edit the draft'}
      </PageTitle>
      <SaveProblem save={save} />
      {draft.restored ? <Restored onDiscard={() => draft.reset(given)} /> : null}
      {start.editing === undefined ? <Examples names={catalog.examples.map(({ name }) => name)} /> : null}
      <ViewSwitch view={view} onView={setView} />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className={`min-w-0 ${view === 'form' ? '' : 'max-lg:hidden'}`}>
          {read.ok ? null : (
            <p role="alert" className="mb-4 rounded-lg bg-warning-soft px-4 py-3 text-warning">
              The YAML cannot be read{read.line === null ? '' : ` at line ${read.line}`}; the form waits until it can.
              Nothing is lost.
            </p>
          )}
          <fieldset disabled={!read.ok} className="min-w-0">
            <legend className="sr-only">Experiment as a form</legend>
            <ExperimentForm
              value={lastRead}
              catalog={catalog}
              variantNames={checks.validation?.variants ?? []}
              edit={edit}
            />
          </fieldset>
        </div>
        <div className="grid min-w-0 gap-4 lg:sticky lg:top-[4.5rem]">
          <div className={view === 'yaml' ? '' : 'max-lg:hidden'}>
            <Section title="YAML">
              <YamlEditor
                value={source}
                onChange={setSource}
                label="Experiment as YAML"
                problems={problems}
                className="h-[28rem] lg:h-[clamp(18rem,calc(100dvh-32rem),50rem)]"
              />
            </Section>
          </div>
          <ValidationLine checks={checks} />
          <PlanPanel source={source} checks={checks} />
        </div>
      </div>
    </>
  );
}
