import { redact } from '../lib/redact.ts';
import type { Store } from '../store.ts';

/** The value with every text in it changed; itself where nothing changed. Maps and sets are not written to stores. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) {
    const changed = value.map((one) => mapTexts(one, change));
    return changed.some((one, i) => one !== value[i]) ? changed : value;
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const changed = entries.map(([key, one]) => [change(key), mapTexts(one, change)] as const);
  return changed.some(([key, one], i) => key !== entries[i]?.[0] || one !== entries[i]?.[1])
    ? Object.fromEntries(changed)
    : value;
}

/** Reads: their arguments reach no table. */
const reading =
  /^(get|list|find)|^(facets|totals|runStates|finishedExampleIds|scoredRows|newResults|trainEvents|benchmarkPoints|tokenState|close)$/;

/**
 * The store, but what is written has [secret] where a secret would be: a server that repeats its key in an answer, say.
 * `secrets` is asked at every write: some become known late.
 */
export function redactingStore(store: Store, secrets: () => readonly string[]): Store {
  return new Proxy(store, {
    get(target, method) {
      const call = Reflect.get(target, method) as unknown;
      if (typeof call !== 'function' || typeof method !== 'string' || reading.test(method)) return call;
      return (...given: unknown[]) => {
        const hidden = secrets();
        const clean = hidden.length === 0 ? given : given.map((one) => mapTexts(one, (text) => redact(text, hidden)));
        return Reflect.apply(call, target, clean);
      };
    },
  });
}
