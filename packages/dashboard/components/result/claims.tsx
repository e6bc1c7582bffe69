import type { Result } from '../../lib/api.ts';

const shareOf = (value: unknown) => (typeof value === 'number' ? `${(100 * value).toFixed(0)} %` : '?');

/** The claims of an answer as the faithfulness metric judged them. */
export function Claims({ result }: { result: Result }) {
  const claims = result.steps.filter(({ kind }) => kind === 'claim');
  if (claims.length === 0) return null;
  return (
    <section aria-label="Claims" className="grid gap-2 border-t border-line pt-4">
      <h3 className="font-semibold">Claims against the passages</h3>
      <ul className="grid gap-2">
        {claims.map((claim, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: claims have no name but their place.
          <li key={i} className="rounded-md border border-line p-3 text-sm">
            <span
              className={`me-2 rounded-full px-2 py-0.5 text-xs font-medium ${claim.supported === true ? 'bg-correct-soft text-correct' : 'bg-wrong-soft text-wrong'}`}
            >
              {claim.supported === true ? '✓ supported' : '✗ not supported'}
            </span>
            <span className="break-words">{claim.text}</span>
            <p className="mt-1 text-xs text-muted tabular-nums">
              entailment {shareOf(claim.entailment)} · contradiction {shareOf(claim.contradiction)}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
