'use client';
import { memo } from 'react';
import { duration } from '../../lib/format.ts';
import { type Span, type Timeline, ticksOf } from '../../lib/timeline.ts';

/** Name, bar, duration; the picture behind the bars has the same columns. */
const columns = 'grid grid-cols-[6.5rem_minmax(0,1fr)_3.75rem] gap-x-2 sm:grid-cols-[9rem_minmax(0,1fr)_4.5rem]';

const looks = {
  model: 'bg-accent',
  tool: 'bg-tool striped',
  failed: 'bg-wrong crossed',
} as const;
const hollow = { model: 'border-accent', tool: 'border-tool', failed: 'border-wrong' } as const;

const lookOf = ({ kind, error }: Span) => (error === undefined ? kind : 'failed');

function Legend() {
  const names = [
    ['model', 'model'],
    ['tool', 'tool'],
    ['failed', 'failed'],
  ] as const;
  return (
    <p aria-hidden="true" className="flex gap-3 text-xs text-muted">
      {names.map(([look, name]) => (
        <span key={look} className="flex items-center gap-1.5">
          <span className={`h-2.5 w-5 rounded-sm ${looks[look]}`} />
          {name}
        </span>
      ))}
    </p>
  );
}

function Row({
  span,
  totalMs,
  isCurrent,
  isShown,
  onLook,
}: {
  span: Span;
  totalMs: number;
  isCurrent: boolean;
  isShown: boolean;
  onLook: (step: number) => void;
}) {
  const look = lookOf(span);
  const share = (ms: number) => (totalMs > 0 ? `${(100 * ms) / totalMs}%` : '0%');
  return (
    <li>
      <button
        type="button"
        aria-current={isCurrent ? 'step' : undefined}
        onClick={() => onLook(span.step + 1)}
        className={`${columns} w-full items-center rounded-sm py-0.5 text-start text-xs hover:bg-raised aria-[current]:bg-accent/12`}
      >
        <span className="flex min-w-0 gap-1.5 ps-1">
          <span className="w-4 shrink-0 text-end text-muted tabular-nums">
            <span className="sr-only">turn </span>
            {span.turn}
          </span>
          <span className={`truncate ${span.error === undefined ? '' : 'font-medium text-wrong'}`}>
            {span.error === undefined ? null : (
              <>
                <span aria-hidden="true">! </span>
                <span className="sr-only">failed, {span.error}: </span>
              </>
            )}
            {span.name}
          </span>
          <span className="sr-only">from {duration(span.fromMs)}, took</span>
        </span>
        <span aria-hidden="true" className="relative block h-4">
          <span
            className={`absolute inset-y-0.5 min-w-[3px] rounded-[2px] ${isShown ? looks[look] : `border bg-surface ${hollow[look]}`}`}
            style={{
              insetInlineStart: `min(${share(span.fromMs)}, 100% - 3px)`,
              width: share(span.toMs - span.fromMs),
            }}
          />
        </span>
        <span className="pe-1 text-end text-muted tabular-nums">{duration(span.toMs - span.fromMs)}</span>
      </button>
    </li>
  );
}

const Rows = memo(function Rows({
  timeline,
  step,
  shown,
  onLook,
}: {
  timeline: Timeline;
  step: number;
  shown: number;
  onLook: (step: number) => void;
}) {
  return (
    <ol aria-label="Timeline" className="relative grid">
      {timeline.spans.map((span) => (
        <Row
          key={`${span.step} ${span.kind}`}
          span={span}
          totalMs={timeline.totalMs}
          isCurrent={span.step + 1 === step}
          isShown={span.step < shown}
          onLook={onLook}
        />
      ))}
    </ol>
  );
});

/** Lines through all rows at round times; `clockMs` is where a replay stands. */
function Axis({ totalMs, clockMs }: { totalMs: number; clockMs: number | undefined }) {
  const share = (ms: number) => `${totalMs > 0 ? (100 * ms) / totalMs : 0}%`;
  return (
    <div aria-hidden="true" className={`${columns} pointer-events-none absolute inset-0`}>
      <div className="relative col-start-2">
        {ticksOf(totalMs).map((tick) => (
          <span
            key={tick}
            className="absolute inset-y-0 border-s border-line"
            style={{ insetInlineStart: share(tick) }}
          >
            <span className="absolute top-0 ps-1 text-[0.6875rem] whitespace-nowrap text-muted tabular-nums">
              {tick === 0 ? '0' : duration(tick)}
            </span>
          </span>
        ))}
        {clockMs === undefined ? null : (
          <span className="absolute inset-y-0 z-10 w-0.5 bg-ink" style={{ insetInlineStart: share(clockMs) }} />
        )}
      </div>
    </div>
  );
}

/** Each call of the model and of a tool as a bar on one time axis. */
export function TimelineChart({
  timeline,
  step,
  shown,
  clockMs,
  onLook,
}: {
  timeline: Timeline;
  step: number;
  shown: number;
  clockMs: number | undefined;
  onLook: (step: number) => void;
}) {
  return (
    <div className="grid gap-2">
      <Legend />
      <div className="max-h-72 overflow-y-auto rounded-md border border-line p-1">
        <div className="relative pt-5">
          <Axis totalMs={timeline.totalMs} clockMs={clockMs} />
          <Rows timeline={timeline} step={step} shown={shown} onLook={onLook} />
        </div>
      </div>
    </div>
  );
}
