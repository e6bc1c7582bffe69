/** How much is done. `share` from 0 to 1; `text` says it in words. */
export function ProgressBar({
  label,
  share,
  text,
  className = '',
}: {
  label: string;
  share: number;
  text: string;
  className?: string;
}) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * share)}
      aria-valuetext={text}
      className={`h-2 overflow-hidden rounded-full bg-raised ${className}`}
    >
      <div className="h-full bg-accent transition-[width]" style={{ width: `${100 * share}%` }} />
    </div>
  );
}
