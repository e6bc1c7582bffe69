'use client';
import { useState } from 'react';
import { parse, stringify } from 'yaml';
import { choicesOf, escapeLine, type JsonSchema, numberProblem, parseText, unescapeLine } from '../lib/json-schema.ts';
import { Labelled } from './labelled.tsx';
import { inputClass } from './parts.tsx';

export interface FieldProps {
  readonly label: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
  /** Used where the value is left out. */
  readonly fallback: unknown;
  readonly required: boolean;
  readonly onChange: (value: unknown) => void;
}

const areaClass = inputClass.replace('h-9', 'min-h-16 py-1.5 font-mono text-xs');

/** What is typed stays as typed while it means the value that is there: `0.` and `0`. */
function useTyped(shown: string): [string, (text: string, means: string) => void] {
  const [typed, setTyped] = useState({ text: shown, means: shown });
  return [typed.means === shown ? typed.text : shown, (text, means) => setTyped({ text, means })];
}

const asText = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

export function TextField({ label, schema, value, fallback, required, onChange }: FieldProps) {
  const [text, setTyped] = useTyped(asText(value));
  const type = (next: string) => {
    const means = next === '' ? undefined : parseText(schema, next);
    setTyped(next, asText(means));
    onChange(means);
  };
  const long = asText(fallback).includes('\n') || text.includes('\n');
  return (
    <Labelled
      label={label}
      help={schema.description}
      required={required}
      control={(ids) =>
        long ? (
          <textarea
            {...ids}
            className={areaClass}
            rows={Math.min(8, Math.max(3, (text || asText(fallback)).split('\n').length))}
            value={text}
            placeholder={asText(fallback)}
            onChange={(event) => type(event.target.value)}
          />
        ) : (
          <input
            {...ids}
            type="text"
            autoComplete="off"
            spellCheck={false}
            className={inputClass}
            value={text}
            placeholder={asText(fallback)}
            onChange={(event) => type(event.target.value)}
          />
        )
      }
    />
  );
}

export function NumberField({ label, schema, value, fallback, required, onChange }: FieldProps) {
  const [text, setTyped] = useTyped(asText(value));
  return (
    <Labelled
      label={label}
      help={schema.description}
      required={required}
      problem={numberProblem(schema, value)}
      control={(ids) => (
        <input
          {...ids}
          type="text"
          inputMode={schema.type === 'integer' ? 'numeric' : 'decimal'}
          autoComplete="off"
          className={`${inputClass} tabular-nums`}
          value={text}
          placeholder={asText(fallback)}
          onChange={(event) => {
            const next = event.target.value;
            const means = next.trim() === '' ? undefined : parseText({ type: 'number' }, next);
            setTyped(next, asText(means));
            onChange(means);
          }}
        />
      )}
    />
  );
}

export function ChoiceField({ label, schema, value, fallback, required, onChange }: FieldProps) {
  const choices = choicesOf(schema) ?? [];
  const known = value === undefined || choices.includes(value);
  return (
    <Labelled
      label={label}
      help={schema.description}
      required={required}
      problem={known ? undefined : `must be one of ${choices.map(asText).join(', ')}`}
      control={(ids) => (
        <select
          {...ids}
          className={inputClass}
          value={asText(value)}
          onChange={(event) => onChange(choices.find((choice) => asText(choice) === event.target.value))}
        >
          <option value="">{fallback === undefined ? '(not set)' : `${asText(fallback)} (default)`}</option>
          {known ? null : <option value={asText(value)}>{asText(value)}</option>}
          {choices.map((choice) => (
            <option key={asText(choice)} value={asText(choice)}>
              {asText(choice)}
            </option>
          ))}
        </select>
      )}
    />
  );
}

const asLines = (value: unknown) =>
  Array.isArray(value) ? value.map((one) => escapeLine(asText(one))).join('\n') : '';

export function ListField({ label, schema, value, fallback, required, onChange }: FieldProps) {
  const [text, setTyped] = useTyped(asLines(value));
  return (
    <Labelled
      label={label}
      help={`${schema.description ?? ''} One a line; \\n stands for a line break.`}
      required={required}
      problem={value === undefined || Array.isArray(value) ? undefined : 'must be a list'}
      control={(ids) => (
        <textarea
          {...ids}
          className={areaClass}
          rows={2}
          value={text}
          placeholder={asLines(fallback)}
          onChange={(event) => {
            const lines = event.target.value.split('\n').filter((line) => line !== '');
            const means = lines.length === 0 ? undefined : lines.map(unescapeLine);
            setTyped(event.target.value, asLines(means));
            onChange(means);
          }}
        />
      )}
    />
  );
}

const asYaml = (value: unknown) => (value === undefined ? '' : stringify(value, { lineWidth: 0 }).trimEnd());

/** For what has no control of its own. */
export function YamlField({ label, schema, value, fallback, required, onChange }: FieldProps) {
  const [text, setTyped] = useTyped(asYaml(value));
  const [problem, setProblem] = useState<string>();
  return (
    <Labelled
      label={label}
      help={`${schema.description ?? ''} As YAML.`}
      required={required}
      problem={problem}
      control={(ids) => (
        <textarea
          {...ids}
          spellCheck={false}
          className={areaClass}
          rows={Math.min(10, Math.max(2, text.split('\n').length))}
          value={text}
          placeholder={asYaml(fallback)}
          onChange={(event) => {
            const next = event.target.value;
            try {
              const means: unknown = next.trim() === '' ? undefined : parse(next);
              setTyped(next, asYaml(means));
              setProblem(undefined);
              onChange(means);
            } catch (error) {
              setTyped(next, asYaml(value));
              setProblem(error instanceof Error ? error.message.split('\n')[0] : String(error));
            }
          }}
        />
      )}
    />
  );
}
