import type { ReactNode } from 'react';

/** A long text that opens on demand. */
export function Folded({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="mt-2 first:mt-0">
      <summary className="text-accent">{title}</summary>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        className="mt-2 max-h-[70vh] overflow-auto rounded-md bg-raised p-3 font-mono text-xs"
      >
        {children}
      </pre>
    </details>
  );
}
