import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { OtlpSpan, OtlpTraces } from '../lib/otlp-json.ts';

/** What goes wrong, set by a test. */
export interface ReceiverFaults {
  /** Answers before the next requests are taken. */
  answers: { status: number; body?: string; headers?: Record<string, string> }[];
  /** Of each request that is taken, so many spans are rejected. */
  rejectedSpans: number;
  rejectedBecause: string;
  /** Requests whose connection breaks before an answer. */
  breaks: number;
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Takes traces as OTLP over HTTP in JSON, plain or packed with gzip. https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export async function startOtlpReceiver() {
  const faults: ReceiverFaults = { answers: [], rejectedSpans: 0, rejectedBecause: '', breaks: 0 };
  const requests: ReceivedRequest[] = [];
  const taken: OtlpTraces[] = [];

  const server = createServer(async (request, response) => {
    const packed = await bodyOf(request);
    const answer = (status: number, body: string, headers: Record<string, string> = {}) => {
      requests.push({ path: request.url ?? '', headers: request.headers, status });
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
    if (faults.breaks > 0) {
      faults.breaks--;
      return void request.socket.destroy();
    }
    const fault = faults.answers.shift();
    if (fault !== undefined) return answer(fault.status, fault.body ?? '', fault.headers);
    if (request.url !== '/v1/traces' || request.method !== 'POST') return answer(404, '');
    if (request.headers['content-type'] !== 'application/json') return answer(415, '');
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed;
    taken.push(JSON.parse(body.toString('utf8')) as OtlpTraces);
    const { rejectedSpans, rejectedBecause } = faults;
    const partialSuccess = { rejectedSpans: String(rejectedSpans), errorMessage: rejectedBecause };
    answer(200, JSON.stringify(rejectedSpans === 0 ? {} : { partialSuccess }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    spans: (): OtlpSpan[] =>
      taken.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    reset(): void {
      taken.length = 0;
      requests.length = 0;
      Object.assign(faults, { answers: [], rejectedSpans: 0, rejectedBecause: '', breaks: 0 });
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
