import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Store } from '../store.ts';

/** What a store takes from the outside; tests replace it. */
export interface StoreParts {
  /** Wall clock, ms since the epoch. */
  now(): number;
  randomBytes(size: number): Uint8Array;
}

/**
 * The embedded database in a folder (PGlite), or a Postgres server by its connection string. Tables are made and brought
 * up to date. Throws ConfigError: one line on what is wrong with the folder or the server.
 */
export async function openStore(
  target: { readonly dir: string } | { readonly url: string },
  parts: StoreParts = { now: Date.now, randomBytes },
): Promise<Store> {
  // Drivers and drizzle are loaded here, so that commands that need no store start at once.
  const { createStore } = await import('./database-store.ts');
  if ('url' in target) return createStore(await (await import('./postgres.ts')).openPostgres(target.url), parts);
  return createStore(await (await import('./pglite.ts')).openPglite(resolve(target.dir)), parts);
}
