/** What a query leads to. */
export type Found =
  | { readonly kind: 'page'; readonly title: string; readonly text: string; readonly others: readonly string[] }
  /** A title of several articles; one of the candidates is meant. */
  | { readonly kind: 'ambiguous'; readonly title: string; readonly candidates: readonly string[] }
  | { readonly kind: 'nothing'; readonly suggestions: readonly string[] };

/** Articles by title, or by what they are about: the live site, or a dump of it. */
export interface Lookup {
  find(query: string, signal: AbortSignal): Promise<Found>;
  /** Of all that can change what is found and can be known beforehand. */
  readonly fingerprint: string;
  close(): Promise<void>;
}

export const maxCandidates = 20;
/** Articles that a search names beside the one it shows. */
export const maxHits = 5;

/** The first paragraph that says something. */
export const firstParagraph = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '') ?? '';
