import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { RemoteStore } from './remote.ts';

const rowsSchema = z.object({ rows: z.array(z.array(z.unknown())) });
const copySchema = z.object({ folder: z.string() });
const problemSchema = z.object({ detail: z.string() });

async function ask<T>(server: RemoteStore, what: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${server.url}/api/store/database/${what}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new ConfigError('database: the server that holds it does not answer any more; try again', { cause: error });
  }
  const answer = await response.json().catch(() => undefined);
  if (response.ok) return schema.parse(answer);
  const { data } = problemSchema.safeParse(answer);
  if (response.status === 404)
    throw new ConfigError('database: the server that holds it is of an earlier version; stop it and try again');
  throw new ConfigError(data?.detail ?? `database: the server that holds it answered ${response.status}`);
}

/** The embedded database of a server, one statement at a time. Closing it leaves the server as it is. */
export function openRemoteConnection(server: RemoteStore): Connection {
  return {
    query: async (statement, params = []) => (await ask(server, 'query', { statement, params }, rowsSchema)).rows,
    session: () =>
      Promise.reject(
        new ConfigError(
          `database: a server uses it (${server.url}); stop it first (Ctrl-C in its terminal), then try again`,
        ),
      ),
    close: async () => {},
  };
}

/** The folder of a copy that the server has made of its database, for the caller to open and to remove. */
export const copyRemote = async (server: RemoteStore): Promise<string> =>
  (await ask(server, 'copy', {}, copySchema)).folder;
