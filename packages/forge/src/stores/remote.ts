import { ConfigError, ConflictError } from '../errors.ts';
import type { ScoredRow, Store } from '../store.ts';
import { decodeAnswer, encodeArguments, type RemoteMethod } from './remote-protocol.ts';

/** Where a server lends its store. */
export interface RemoteStore {
  readonly url: string;
  readonly token: string;
}

const gone = (cause: unknown) =>
  new ConfigError(
    'database: the server that holds it does not answer any more; what was stored is kept, go on with: forge resume',
    {
      cause,
    },
  );

async function post(server: RemoteStore, method: RemoteMethod, given: readonly unknown[]): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${server.url}/api/store/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: encodeArguments(given),
    });
  } catch (error) {
    throw gone(error);
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => undefined)) as { detail?: string } | undefined;
  const detail = problem?.detail ?? `the server answered ${response.status}`;
  if (response.status === 409) throw new ConflictError(detail);
  if (response.status < 500 || response.status === 503) throw new ConfigError(detail);
  throw new Error(detail);
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

async function* scoredRows(server: RemoteStore, runId: string): AsyncGenerator<readonly ScoredRow[]> {
  const { body } = await post(server, 'scoredRows', [runId]);
  for await (const line of lines(body as ReadableStream<Uint8Array>)) {
    if (line === 'end') return;
    yield JSON.parse(line) as ScoredRow[];
  }
  throw gone(new Error('the answer ended early'));
}

/** The store of a server that holds the embedded database, over HTTP. Closing it leaves the server as it is. */
export function openRemote(server: RemoteStore): Store {
  return new Proxy({} as Store, {
    get(_, method) {
      if (method === 'close') return async () => {};
      if (method === 'scoredRows') return (runId: string) => scoredRows(server, runId);
      // A store is no promise: `await` asks for `then`.
      if (typeof method !== 'string' || method === 'then') return undefined;
      return async (...given: unknown[]) =>
        decodeAnswer(await (await post(server, method as RemoteMethod, given)).text());
    },
  });
}
