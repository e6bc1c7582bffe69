'use client';
import type { PlotOptions } from '@observablehq/plot';
import { useEffect, useRef, useState } from 'react';
import { csvOf, download, svgText } from '../lib/plot-files.ts';
import { useTheme } from './theme-button.tsx';

export interface PlotFrameProps {
  readonly title: string;
  /** What the picture shows, in a sentence, for those who do not see it. */
  readonly description: string;
  /** Of the downloads, without extension. */
  readonly fileName: string;
  /** px; held before the plot is there. */
  readonly height: number;
  /** What is drawn, one record a mark: the CSV download. */
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
  /** Called with the width at hand, px, again when it changes. */
  readonly options: (plot: typeof import('@observablehq/plot'), width: number) => PlotOptions;
  /** A bar of the mark with class `pick` was clicked; its place among the data of that mark. A shortcut: offer the same by keyboard. */
  readonly onPick?: (row: number) => void;
}

/** Plot leaves with each shape the place of its datum. */
function pickedRow(target: EventTarget): number | undefined {
  const shape = target instanceof Element ? target.closest('.pick rect') : null;
  return (shape as { __data__?: number } | null)?.__data__;
}

/** px; 0 until it is known. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (box.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

const linkClass = 'rounded px-1.5 py-0.5 text-xs text-muted hover:bg-raised hover:text-ink';

/** A picture with its data: drawn once it is on the page, in the colours of the theme, to be had as SVG and CSV. */
export function PlotFrame({ title, description, fileName, height, rows, options, onPick }: PlotFrameProps) {
  const { box, width } = useWidth();
  const theme = useTheme();
  const [failed, setFailed] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours.
  useEffect(() => {
    const target = box.current;
    if (target === null || width === 0) return;
    let current = true;
    import('@observablehq/plot')
      .then((plot) => {
        if (!current) return;
        const drawn = plot.plot({
          width,
          height,
          style: {
            background: 'transparent',
            color: 'currentColor',
            fontFamily: 'inherit',
            fontSize: '12px',
            // Of what pops up beside a point.
            '--plot-background': 'var(--surface)',
          } as never,
          ...options(plot, width),
        });
        drawn.setAttribute('aria-hidden', 'true');
        target.replaceChildren(drawn);
        setFailed(false);
      })
      .catch(() => {
        if (current) setFailed(true);
      });
    return () => {
      current = false;
    };
  }, [box, width, height, options, theme]);

  return (
    <figure aria-label={title} className="min-w-0">
      <figcaption className="mb-1 flex items-center gap-1">
        <span className="mr-auto font-medium">{title}</span>
        <span className="sr-only">{description}</span>
        <button
          type="button"
          className={linkClass}
          aria-label={`Download ${title} as SVG`}
          onClick={() => {
            const svg = box.current?.querySelector('svg');
            if (svg != null) download(`${fileName}.svg`, 'image/svg+xml', svgText(svg));
          }}
        >
          SVG
        </button>
        <button
          type="button"
          className={linkClass}
          aria-label={`Download ${title} as CSV`}
          onClick={() => download(`${fileName}.csv`, 'text/csv', csvOf(rows))}
        >
          CSV
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a shortcut; whoever gives onPick offers the same by keyboard. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above. */}
      <div
        ref={box}
        style={{ height }}
        className="overflow-hidden text-ink [&_.pick_rect]:cursor-pointer [&_.pick_rect:hover]:opacity-80"
        onClick={({ target }) => {
          const row = pickedRow(target);
          if (row !== undefined) onPick?.(row);
        }}
      />
      {failed ? <p className="text-wrong">The picture cannot be drawn; its figures are in the CSV.</p> : null}
    </figure>
  );
}
