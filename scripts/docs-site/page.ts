/** A page before navigation is put around it. */
export interface Page {
  /** From the root of the site: `guides/training.html`. */
  readonly path: string;
  readonly title: string;
  /** Begins with its h1. */
  readonly html: string;
}

/** A part of the navigation. */
export interface Section {
  readonly title: string;
  readonly links: readonly { readonly title: string; readonly path: string }[];
}

/** A link from one page of the site to another; `to` may have an anchor. */
export function relativeLink(from: string, to: string): string {
  const [source, target] = [from.split('/').slice(0, -1), to.split('/')];
  let common = 0;
  while (common < source.length && source[common] === target[common]) common++;
  return [...source.slice(common).map(() => '..'), ...target.slice(common)].join('/');
}
