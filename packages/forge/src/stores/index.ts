import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Store } from '../store.ts';
import type { Connection, OpenOptions } from './connection.ts';

/** What a store takes from the outside; tests replace it. */
export interface StoreParts {
  /** Wall clock, ms since the epoch. */
  now(): number;
  randomBytes(size: number): Uint8Array;
}

export type StoreTarget =
  | {
      readonly dir: string;
      /** The folder of an embedded database that no one has open: a new one is a copy of it, and there in a moment. */
      readonly template?: string | undefined;
    }
  | { readonly url: string };

/** A database below its store, for backups and what else reads tables as they are. Throws ConfigError as openStore does. */
export async function openConnection(target: StoreTarget, options: OpenOptions = {}): Promise<Connection> {
  // Drivers are loaded here, so that commands that need no database start at once.
  if ('url' in target) return (await import('./postgres.ts')).openPostgres(target.url, options);
  return (await import('./pglite.ts')).openPglite(resolve(target.dir), { ...options, template: target.template });
}

/**
 * The embedded database in a folder (PGlite), or a Postgres server by its connection string. Tables are made and brought
 * up to date. Throws ConfigError: one line on what is wrong with the folder or the server.
 */
export async function openStore(
  target: StoreTarget,
  parts: StoreParts = { now: Date.now, randomBytes },
): Promise<Store> {
  // Here for the same reason.
  const { createStore } = await import('./database-store.ts');
  return createStore(await openConnection(target), parts);
}
