'use client';
import { useCallback, useId } from 'react';
import { errorLook, stripedBackground, stripes } from '../../lib/error-looks.ts';
import type { CallCount } from '../../lib/tool-use.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

const rowHeight = 34;
/** px above each variant, for its name. */
const headHeight = 26;

const outcomeOf = ({ error }: CallCount) => error ?? 'ok';

/** What the colours and stripes mean. */
function Legend({ counts }: { counts: readonly CallCount[] }) {
  const outcomes = [...new Set(counts.map(outcomeOf))];
  return (
    <ul aria-hidden="true" className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
      {outcomes.map((outcome) => (
        <li key={outcome} className="flex items-center gap-1.5">
          <span
            className="h-3 w-5 rounded-sm"
            style={
              outcome === 'ok'
                ? { background: 'var(--correct)', opacity: 0.55 }
                : { background: stripedBackground(errorLook(outcome)) }
            }
          />
          {outcome}
        </li>
      ))}
    </ul>
  );
}

/** Patterns of the failures, as a part of the drawing. */
function patterns(counts: readonly CallCount[], id: string): SVGGElement {
  const group = document.createElementNS('http://www.w3.org/2000/svg', 'g');
  const kinds = new Set(counts.flatMap(({ error }) => error ?? []));
  group.append(...[...kinds].map((kind) => stripes(`${id}${kind}`, errorLook(kind))));
  return group;
}

interface ToolBarsProps {
  readonly title: string;
  readonly fileName: string;
  readonly counts: readonly CallCount[];
  /** What a bar stands for. */
  readonly by: 'label' | 'error';
  readonly onPick: (count: CallCount) => void;
}

/** Calls as bars, one row for each tool or each kind of failure, the variants one below the other. */
export function ToolBars({ title, fileName, counts, by, onPick }: ToolBarsProps) {
  const id = useId();
  const variants = [...new Set(counts.map(({ variant }) => variant))];
  const names = [...new Set(counts.map((count) => count[by] ?? ''))];
  const key = JSON.stringify(counts);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const data = JSON.parse(key) as typeof counts;
      const name = (count: CallCount) => count[by] ?? '';
      const rows = new Set(data.map(name)).size;
      const most = Math.max(...data.map(({ calls }) => calls));
      const room = 24 + 7 * Math.max(...data.map((count) => name(count).length));
      return {
        marginLeft: Math.min(room, width * 0.42),
        marginRight: 44,
        marginTop: headHeight,
        marginBottom: 34,
        x: {
          label: 'calls',
          labelOffset: 30,
          grid: true,
          nice: true,
          ticks: Math.min(most, Math.max(2, Math.floor(width / 110))),
        },
        y: { label: null, domain: [...new Set(data.map(name))], padding: 0.25 },
        fy: {
          label: null,
          axis: null,
          domain: [...new Set(data.map(({ variant }) => variant))],
          paddingInner: headHeight / (headHeight + rowHeight * rows),
          paddingOuter: 0,
        },
        marks: [
          () => patterns(data, id),
          plot.barX(data, {
            y: name,
            x: 'calls',
            fy: 'variant',
            fill: ({ error }: CallCount) => (error === undefined ? 'var(--correct)' : `url(#${id}${error})`),
            fillOpacity: ({ error }: CallCount) => (error === undefined ? 0.55 : 1),
            stroke: 'var(--surface)',
            className: 'pick',
            title: (count: CallCount) => `${count.variant}: ${count.label}, ${outcomeOf(count)}: ${count.calls} calls`,
          }),
          plot.text(
            data,
            plot.groupY(
              { x: 'sum', text: 'sum' },
              { x: 'calls', text: 'calls', y: name, fy: 'variant', dx: 6, textAnchor: 'start' },
            ),
          ),
          plot.text([...new Set(data.map(({ variant }) => variant))], {
            fy: (variant: string) => variant,
            text: (variant: string) => variant,
            frameAnchor: 'top-left',
            dy: -16,
            fontWeight: 600,
          }),
        ],
      };
    },
    [key, by, id],
  );
  const description = counts
    .map((count) => `${count.variant}, ${count.label}, ${outcomeOf(count)}: ${count.calls} calls`)
    .join('; ');
  return (
    <div className="min-w-0">
      <PlotFrame
        title={title}
        description={description}
        fileName={fileName}
        height={34 + variants.length * (headHeight + rowHeight * names.length)}
        rows={counts.map(({ variant, label, calls, ...count }) => ({
          variant,
          tool: label,
          outcome: outcomeOf({ variant, label, calls, ...count }),
          calls,
        }))}
        options={options}
        onPick={(row) => {
          const count = counts[row];
          if (count !== undefined) onPick(count);
        }}
      />
      {/* The names of the rows say it where they are kinds of failure. */}
      {by === 'label' ? <Legend counts={counts} /> : null}
    </div>
  );
}
