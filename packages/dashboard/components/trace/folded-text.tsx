'use client';
import { useState } from 'react';
import { count } from '../../lib/format.ts';

const mostCharacters = 600;
const mostLines = 12;

/** The beginning of a text where it is long. */
function beginningOf(text: string): string {
  const lines = text.split('\n', mostLines + 1);
  const cut = lines.length > mostLines ? lines.slice(0, mostLines).join('\n') : text;
  return cut.length > mostCharacters ? cut.slice(0, mostCharacters) : cut;
}

/** What a model or a tool wrote: text, whatever it looks like; a long one is folded. */
export function FoldedText({ label, text }: { label: string; text: string }) {
  const [isOpen, setOpen] = useState(false);
  const beginning = beginningOf(text);
  const isLong = beginning.length < text.length;
  return (
    <div className="min-w-0">
      <h5 className="mb-0.5 text-xs font-medium text-muted">{label}</h5>
      <pre className="rounded-md bg-raised px-3 py-2 font-mono text-xs wrap-anywhere whitespace-pre-wrap">
        {text === '' ? '(empty)' : isOpen ? text : beginning}
        {isLong && !isOpen ? ' …' : ''}
      </pre>
      {isLong ? (
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          className="mt-1 rounded px-1 text-xs font-medium text-accent hover:underline"
        >
          {isOpen ? 'Show less' : `Show all (${count(text.length)} characters)`}
        </button>
      ) : null}
    </div>
  );
}
