import { dirname, relative } from 'node:path/posix';

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
export const relativeLink = (from: string, to: string): string => relative(dirname(from), to);
