import type { FetchLike, Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { GuardedFetch } from '../../lib/guarded-fetch.ts';

/** Statuses whose answers may have no body: https://fetch.spec.whatwg.org/#null-body-status */
const bodiless = [101, 103, 204, 205, 304];
const passed = ['content-type', 'mcp-session-id', 'www-authenticate'];

/**
 * Streamable HTTP by way of the guarded door: each answer is read to its end, so it has a bound. The open stream for what a server
 * says unasked (GET) is declined as if it offered none; nothing here listens to it.
 */
function fetchThrough(guarded: GuardedFetch): FetchLike {
  return async (url, init = {}) => {
    if (init.method !== 'POST') return new Response(null, { status: 405 });
    const answer = await guarded(String(url), {
      method: 'POST',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: String(init.body),
      ...(init.signal ? { signal: init.signal } : {}),
    });
    const headers = passed.flatMap((name): [string, string][] => {
      const value = answer.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    const { status } = answer;
    return new Response(bodiless.includes(status) ? null : answer.text, { status, headers });
  };
}

/** A server at an address; `headers` go with every request. */
export async function httpTransport(url: string, headers: Record<string, string>, guarded: GuardedFetch) {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: fetchThrough(guarded),
    requestInit: { headers },
  });
  return { transport: transport as Transport, said: () => '' };
}
