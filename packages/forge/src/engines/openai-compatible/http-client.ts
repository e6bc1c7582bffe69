import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { EngineError } from '../../errors.ts';

export interface HttpClientOptions {
  /** Every request's URL starts with its origin. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Connections, each with one request at a time; further requests wait. */
  readonly maxConnections: number;
  /** From the moment a request has its connection until its answer is complete. */
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly now: () => number;
  /** How names become addresses; the operating system's way when left out. */
  readonly lookup?: LookupFunction | undefined;
}

export interface HttpRequest {
  /** Path and query. */
  readonly path: string;
  /** JSON to POST; without it the request is a GET. */
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Gets the parts of a 200 answer of type `text/event-stream` instead of `body`; what it throws ends the request. */
  readonly onEventData?: (part: Buffer) => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Empty where `onEventData` got it. */
  readonly body: Buffer;
  readonly eventStream: boolean;
  /** By the client's clock: call, connection at hand, last byte. */
  readonly askedAt: number;
  readonly sentAt: number;
  readonly endedAt: number;
}

export interface HttpClient {
  /**
   * Resolves with any status; rejects with EngineError where no complete answer came, or with what `onEventData` threw. A GET has a
   * connection of its own: it asks how busy the server is, and must not wait for what is under way.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/** A connection that the server closed just as it was used again: the request was never read, so it may simply be sent again. */
class StaleConnection extends Error {}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;

/** A keep-alive client on node:http: a third of the CPU time per request that the global fetch takes, and its sockets can be counted. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { baseUrl, headers, maxConnections, timeoutMs, maxResponseBytes, now, lookup } = options;
  const server = urlToHttpOptions(baseUrl);
  const transport = baseUrl.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections });
  const ownAgent = new transport.Agent({ keepAlive: true, maxSockets: 1 });
  const inFlight = new Set<http.ClientRequest>();
  let closed = false;

  function connectionFailure(error: NodeJS.ErrnoException, answered: boolean): EngineError {
    if (error.code === 'EPRIVATE') return new EngineError('bad-request', error.message, { cause: error });
    const what = error.code ?? error.message;
    const message = answered
      ? `the connection to ${baseUrl.origin} broke in the middle of an answer (${what})`
      : `no answer from ${baseUrl.origin} (${what})`;
    return new EngineError('server-error', message, { retryable: true, cause: error });
  }

  /** Reads an answer to its end, within its bound. Rejects with EngineError, or with what `onEventData` threw. */
  function receive(answer: http.IncomingMessage, onEventData: HttpRequest['onEventData']) {
    const isEvents = /^text\/event-stream/i.test(answer.headers['content-type'] ?? '');
    const eventStream = answer.statusCode === 200 && isEvents && onEventData !== undefined;
    const parts: Buffer[] = [];
    let size = 0;
    return new Promise<Pick<HttpAnswer, 'body' | 'eventStream'>>((resolve, reject) => {
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > maxResponseBytes) {
          const message = `the answer of ${baseUrl.origin} is longer than maxResponseBytes (${maxResponseBytes})`;
          return reject(new EngineError('bad-response', message));
        }
        if (!eventStream) return void parts.push(part);
        try {
          onEventData(part);
        } catch (error) {
          reject(error);
        }
      });
      answer.on('error', (error: NodeJS.ErrnoException) => reject(connectionFailure(error, true)));
      answer.on('end', () => resolve({ body: Buffer.concat(parts), eventStream }));
    });
  }

  function attempt(request: HttpRequest, askedAt: number): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { path, body } = request;
      const outgoing = transport.request({
        ...server,
        ...(lookup === undefined ? {} : { lookup }),
        path,
        agent: body === undefined ? ownAgent : agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json, text/event-stream, text/plain',
          'accept-encoding': 'identity',
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      });
      inFlight.add(outgoing);
      let sentAt = askedAt;
      let incoming: http.IncomingMessage | undefined;
      let timer: NodeJS.Timeout | undefined;

      const settle = () => {
        clearTimeout(timer);
        inFlight.delete(outgoing);
        request.signal?.removeEventListener('abort', cancel);
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
        outgoing.destroy();
      };
      const cancel = () => fail(new EngineError('cancelled', 'cancelled'));
      const tooLate = () => {
        const message = `${baseUrl.origin} did not finish its answer within timeoutMs (${seconds(timeoutMs)})`;
        fail(new EngineError('timeout', message, { retryable: true }));
      };

      outgoing.on('socket', (socket) => {
        timer = setTimeout(tooLate, timeoutMs);
        const ready = () => {
          sentAt = now();
        };
        if (socket.connecting) socket.once(transport === https ? 'secureConnect' : 'connect', ready);
        else ready();
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const stale = outgoing.reusedSocket && incoming === undefined && error.code === 'ECONNRESET' && !closed;
        if (closed) fail(new EngineError('cancelled', 'the engine was closed'));
        else fail(stale ? new StaleConnection() : connectionFailure(error, incoming !== undefined));
      });
      outgoing.on('response', (answer) => {
        incoming = answer;
        receive(answer, request.onEventData).then((received) => {
          settle();
          const { statusCode: status = 0, headers: answerHeaders } = answer;
          resolve({ status, headers: answerHeaders, ...received, askedAt, sentAt, endedAt: now() });
        }, fail);
      });
      request.signal?.addEventListener('abort', cancel, { once: true });
      outgoing.end(body);
    });
  }

  return {
    async send(request) {
      if (closed) throw new EngineError('cancelled', 'the engine was closed');
      if (request.signal?.aborted) throw new EngineError('cancelled', 'cancelled');
      const askedAt = now();
      // Bounded: a client has so many old connections at most, and a new one is never stale.
      for (let stale = 0; ; stale++) {
        try {
          return await attempt(request, askedAt);
        } catch (error) {
          if (!(error instanceof StaleConnection)) throw error;
          if (stale > maxConnections) throw connectionFailure(error, false);
        }
      }
    },
    close() {
      closed = true;
      for (const outgoing of inFlight) outgoing.destroy(new Error('closed'));
      agent.destroy();
      ownAgent.destroy();
    },
  };
}
