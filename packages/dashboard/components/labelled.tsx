'use client';
import { type ReactNode, useId } from 'react';

/** A control with its label, help text and problem; `control` takes the ids. */
export function Labelled({
  label,
  help,
  required = false,
  problem,
  control,
}: {
  label: string;
  help?: ReactNode;
  required?: boolean;
  problem?: string | undefined;
  control: (ids: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': boolean | undefined;
    'aria-required': boolean | undefined;
  }) => ReactNode;
}) {
  const id = useId();
  const described = [help === undefined ? [] : `${id}-help`, problem === undefined ? [] : `${id}-problem`].flat();
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
        {required ? <span className="font-normal text-muted"> (required)</span> : null}
      </label>
      {control({
        id,
        'aria-describedby': described.length === 0 ? undefined : described.join(' '),
        'aria-invalid': problem === undefined ? undefined : true,
        'aria-required': required || undefined,
      })}
      {problem === undefined ? null : (
        <p id={`${id}-problem`} className="mt-1 text-xs font-medium text-wrong">
          {problem}
        </p>
      )}
      {help === undefined ? null : (
        <p id={`${id}-help`} className="mt-1 text-xs break-words text-muted">
          {help}
        </p>
      )}
    </div>
  );
}
