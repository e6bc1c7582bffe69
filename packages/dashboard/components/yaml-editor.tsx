'use client';
import { useEffect, useId, useRef, useState } from 'react';
import type { EditorHandle, EditorProblem } from './new-experiment/code-mirror.ts';

/** A YAML editor. Until CodeMirror has come, and where it cannot, it is a plain text box of the same size. */
export function YamlEditor({
  value,
  onChange,
  label,
  problems,
  className = '',
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
  problems: readonly EditorProblem[];
  /** Gives the height. */
  className?: string;
}) {
  const help = useId();
  const place = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<EditorHandle>(undefined);
  const latest = useRef({ value, onChange, problems });
  const [ready, setReady] = useState(false);

  useEffect(() => {
    latest.current = { value, onChange, problems };
    editor.current?.update(value, problems);
  }, [value, onChange, problems]);

  useEffect(() => {
    let left = false;
    import('./new-experiment/code-mirror.ts').then(
      ({ createEditor }) => {
        if (left || place.current === null) return;
        const typing = document.activeElement === plain.current ? plain.current?.selectionStart : undefined;
        editor.current = createEditor(place.current, {
          value: latest.current.value,
          label,
          describedBy: help,
          onChange: (text) => {
            latest.current.value = text;
            latest.current.onChange(text);
          },
        });
        editor.current.update(latest.current.value, latest.current.problems);
        setReady(true);
        if (typing !== undefined) editor.current.focusAt(typing);
      },
      () => undefined,
    );
    return () => {
      left = true;
      editor.current?.destroy();
      editor.current = undefined;
    };
  }, [label, help]);

  return (
    <div className={`relative overflow-hidden rounded-md border border-line bg-surface ${className}`}>
      <div ref={place} className="absolute inset-0" />
      {ready ? null : (
        <textarea
          ref={plain}
          aria-label={label}
          aria-describedby={help}
          spellCheck={false}
          className="absolute inset-0 resize-none bg-surface py-1 pl-12 font-mono text-[13px] leading-[1.5]"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      <p id={help} className="sr-only">
        Tab leaves the editor.
      </p>
    </div>
  );
}
