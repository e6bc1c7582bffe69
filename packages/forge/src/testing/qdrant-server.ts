import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Schemas } from '@qdrant/js-client-rest';

type Sparse = Schemas['SparseVector'];
interface Point {
  readonly id: string;
  readonly vector: { readonly dense: readonly number[]; readonly words?: Sparse };
  readonly payload: Readonly<Record<string, unknown>>;
}
interface Collection {
  readonly config: {
    vectors: { dense: { size: number; distance: 'Cosine' } };
    sparse_vectors: Record<string, Schemas['SparseVectorParams']>;
  };
  readonly points: Map<string, Point>;
}

/** One request as it came. */
export interface QdrantCall {
  readonly method: string;
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the client sent, looked at by tests.
  readonly body: any;
  readonly apiKey: string | undefined;
}

/** What the next request gets: an error's status, or one of the ways in which servers and proxies misbehave. */
export type QdrantFault = number | 'broken' | 'silent' | 'page' | 'slow change' | 'echo of the key';

/** A request that the server refuses. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function checkId(id: unknown): void {
  if (Number.isSafeInteger(id) || uuid.test(String(id))) return;
  const allowed = 'valid values are either an unsigned integer or a UUID';
  throw new Refusal(400, `Format error in JSON body: value ${id} is not a valid point ID, ${allowed}`);
}

function checkDense(vector: readonly number[], { config }: Collection): void {
  const { size } = config.vectors.dense;
  if (vector.length === size) return;
  throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${vector.length}`);
}

function checkSparse({ indices, values }: Sparse, at: string): void {
  const wrong = (why: string) => new Refusal(422, `Validation error in JSON body: [${at}.${why} [{}]]`);
  if (new Set(indices).size < indices.length) throw wrong('indices: Validation error: must be unique');
  if (indices.length !== values.length) {
    throw wrong('values: Validation error: must be the same length as indices');
  }
  if (indices.some((index) => !Number.isInteger(index) || index < 0 || index > 0xffffffff)) {
    throw new Refusal(400, 'Format error in JSON body: data did not match any variant of untagged enum VectorStruct');
  }
}

function checkLimit({ limit }: QdrantCall['body']): void {
  if (limit >= 1) return;
  throw new Refusal(
    422,
    `Validation error in JSON body: [internal.limit: value ${limit} invalid, must be 1 or larger]`,
  );
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** The modifier `idf`: ln((N - n + 0.5) / (n + 0.5) + 1) times the weights, N the points that have such a vector. */
function sparseScore(query: Sparse, document: Sparse, all: readonly Sparse[]): number | undefined {
  let score: number | undefined;
  for (const [q, index] of query.indices.entries()) {
    const at = document.indices.indexOf(index);
    if (at < 0) continue;
    const n = all.filter(({ indices }) => indices.includes(index)).length;
    const idf = Math.log((all.length - n + 0.5) / (n + 0.5) + 1);
    score = (score ?? 0) + idf * (query.values[q] ?? 0) * (document.values[at] ?? 0);
  }
  return score;
}

function payloadOf({ payload }: Point, selected: unknown): Pick<Schemas['Record'], 'payload'> {
  if (selected === true) return { payload };
  if (!Array.isArray(selected)) return {};
  return { payload: Object.fromEntries(Object.entries(payload).filter(([key]) => selected.includes(key))) };
}

function query(collection: Collection, body: QdrantCall['body']): Schemas['QueryResponse'] {
  checkLimit(body);
  const all = [...collection.points.values()];
  let scoreOf: (point: Point) => number | undefined;
  if (body.using === 'dense') {
    checkDense(body.query, collection);
    scoreOf = ({ vector }) => cosine(body.query, vector.dense);
  } else if (body.using === 'words') {
    checkSparse(body.query, 'query.?');
    const sparse = all.flatMap(({ vector }) => (vector.words === undefined ? [] : [vector.words]));
    scoreOf = ({ vector }) => (vector.words === undefined ? undefined : sparseScore(body.query, vector.words, sparse));
  } else {
    throw new Refusal(400, `Wrong input: Not existing vector name error: ${body.using ?? ''}`);
  }
  const scored = all.flatMap((point) => {
    const score = scoreOf(point);
    // The server computes in 32 bits.
    const view = { id: point.id, version: 0, ...payloadOf(point, body.with_payload) };
    return score === undefined ? [] : [{ ...view, score: Math.fround(score) }];
  });
  return { points: scored.sort((a, b) => b.score - a.score).slice(0, body.limit) };
}

function scroll({ points }: Collection, body: QdrantCall['body']): Schemas['ScrollResult'] {
  checkLimit(body);
  const sorted = [...points.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const from = sorted.filter(({ id }) => body.offset === undefined || id >= body.offset);
  const page = from.slice(0, body.limit).map((point) => ({ id: point.id, ...payloadOf(point, body.with_payload) }));
  return { points: page, next_page_offset: from[body.limit]?.id ?? null };
}

function upsert(collection: Collection, body: { points: readonly Point[] }): Schemas['UpdateResult'] {
  for (const [i, { id, vector }] of body.points.entries()) {
    checkId(id);
    checkDense(vector.dense, collection);
    if (vector.words !== undefined) checkSparse(vector.words, `points[${i}].vector.?`);
  }
  for (const point of body.points) collection.points.set(point.id, point);
  return { operation_id: 1, status: 'completed' };
}

function remove({ points }: Collection, body: { points: readonly string[] }): Schemas['UpdateResult'] {
  for (const id of body.points) checkId(id);
  for (const id of body.points) points.delete(id);
  return { operation_id: 1, status: 'completed' };
}

const infoOf = ({ config, points }: Collection): Schemas['CollectionInfo'] => ({
  status: 'green',
  optimizer_status: 'ok',
  indexed_vectors_count: 0,
  points_count: points.size,
  segments_count: 8,
  config: {
    params: { ...config, shard_number: 1, replication_factor: 1, write_consistency_factor: 1, on_disk_payload: true },
    hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000, max_indexing_threads: 0, on_disk: false },
    optimizer_config: { deleted_threshold: 0.2, default_segment_number: 0, flush_interval_sec: 5 },
  },
  payload_schema: {},
});

/** The `result` of an answer. */
function resultOf(collections: Map<string, Collection>, { method, path, body }: QdrantCall): unknown {
  const [, name = '', rest = ''] = /^\/collections\/([^/?]+)(\/[^?]*)?/.exec(path) ?? [];
  const collection = collections.get(name);
  if (method === 'GET' && rest === '/exists') {
    return { exists: collection !== undefined } satisfies Schemas['CollectionExistence'];
  }
  if (method === 'PUT' && rest === '') {
    if (collection !== undefined) throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`);
    collections.set(name, { config: body, points: new Map() });
    return true;
  }
  if (collection === undefined) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);
  switch (`${method} ${rest}`) {
    case 'GET ':
      return infoOf(collection);
    case 'POST /points/count':
      return { count: collection.points.size } satisfies Schemas['CountResult'];
    case 'PUT /points':
      return upsert(collection, body);
    case 'POST /points/delete':
      return remove(collection, body);
    case 'POST /points/scroll':
      return scroll(collection, body);
    case 'POST /points/query':
      return query(collection, body);
    default:
      throw new Refusal(404, `no ${method} ${rest} here`);
  }
}

/** What the server allows of one body, in bytes. */
const largestBody = 32 * 1024 * 1024;

async function callOf(request: IncomingMessage): Promise<QdrantCall> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const sent = Buffer.concat(parts);
  const { method = '', url: path = '', headers } = request;
  const body = sent.length === 0 || sent.length > largestBody ? undefined : JSON.parse(sent.toString());
  return { method, path, body, apiKey: headers['api-key'] as string | undefined };
}

function sendJson(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...answer, time: 0.0001 }));
}

/** Does what the fault says; false where there is none. */
function misbehaves(fault: QdrantFault | undefined, { apiKey }: QdrantCall, response: ServerResponse): boolean {
  if (fault === undefined) return false;
  if (fault === 'broken') response.destroy();
  else if (fault === 'page') response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
  else if (fault === 'slow change') sendJson(response, 200, { result: { status: 'wait_timeout' }, status: 'ok' });
  else if (fault === 'echo of the key') sendJson(response, 400, { status: { error: `not with ${apiKey}` } });
  else if (fault !== 'silent') {
    sendJson(response, fault, { status: { error: 'Service internal error: 1 of 1 read operations failed' } });
  }
  return true;
}

/**
 * Answers like Qdrant's REST API (https://api.qdrant.tech), as far as an index uses it: the shapes of its OpenAPI description, the
 * scores of its formulas, exactly. The next requests get what `faults` holds.
 */
export async function startQdrantServer({ apiKey }: { apiKey?: string } = {}) {
  const collections = new Map<string, Collection>();
  const calls: QdrantCall[] = [];
  const faults: QdrantFault[] = [];
  const server = createServer(async (request, response) => {
    const call = await callOf(request);
    calls.push(call);
    if (apiKey !== undefined && call.apiKey !== apiKey) {
      response.writeHead(401).end('Must provide an API key or an Authorization bearer token');
      return;
    }
    if (misbehaves(faults.shift(), call, response)) return;
    try {
      sendJson(response, 200, { result: resultOf(collections, call), status: 'ok' });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sendJson(response, error.status, { status: { error: error.message } });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    faults,
    collections,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
