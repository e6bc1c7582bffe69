import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../stores/connection.ts';
import { openPglite } from '../stores/pglite.ts';
import { copyRemote, openRemoteConnection } from '../stores/remote-connection.ts';
import { findServer } from './server-file.ts';
import type { Workspace } from './workspace.ts';

const serverOf = async ({ database, home }: Workspace) =>
  database === 'embedded' ? await findServer(home) : undefined;

/** The database, or that of the running server that holds it: single statements only. */
export async function openDatabase(workspace: Workspace): Promise<Connection> {
  const server = await serverOf(workspace);
  return server === undefined ? workspace.openOwnDatabase() : openRemoteConnection(server);
}

/** The same with its tables as they are, for what needs it to itself. */
export async function openExclusive(workspace: Workspace): Promise<Connection> {
  const server = await serverOf(workspace);
  return server === undefined ? workspace.openOwnDatabase({ asItIs: true }) : openRemoteConnection(server);
}

/**
 * The database to read from at length, its tables as they are. Where a server holds the embedded one: a copy that the server
 * makes in a moment, so that it goes on with its work; closing removes it.
 */
export async function openForReading(workspace: Workspace): Promise<Connection> {
  const server = await serverOf(workspace);
  if (server === undefined) return workspace.openOwnDatabase({ asItIs: true });
  const folder = await copyRemote(server);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const copy = await openPglite(folder, { asItIs: true });
    return { ...copy, close: () => copy.close().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Names the database without its password. */
export function placeOf({ database, home, surroundings }: Workspace): string {
  if (database === 'embedded') return join(home, 'database');
  const url = URL.parse(surroundings.env.DATABASE_URL ?? '');
  return url === null ? 'DATABASE_URL' : `${url.host}${url.pathname}`;
}
