'use client';
import type { PlotOptions } from '@observablehq/plot';

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
}
