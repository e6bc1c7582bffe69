import { setTimeout as wait } from 'node:timers/promises';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError, messageOf, RetrievalError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { chunkText } from '../lib/chunk-text.ts';
import { reaching } from '../lib/option-reach.ts';
import { documentVector, queryVector, type SparseVector } from '../lib/sparse-terms.ts';
import type { Chunk, FoundChunk, PassageIndex, PassageIndexParts } from '../passage-index.ts';

const options = z.strictObject({
  url: reaching('listed-address', z.url({ protocol: /^https?$/ }))
    .optional()
    .describe(
      'Of the server, with port 6333 where it names none; QDRANT_URL, else http://127.0.0.1:6333, when left out.',
    ),
  apiKeyEnv: reaching('variable', z.string().min(1))
    .default('QDRANT_API_KEY')
    .describe('Environment variable that holds the API key, if any.'),
  collection: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,200}$/)
    .optional()
    .describe('Name of the collection; the corpus’s name when left out.'),
  exact: z.boolean().default(false).describe('Compare with every vector instead of searching the graph.'),
  timeoutMs: z.int().min(100).max(600_000).default(10_000).describe('For one request.'),
  retries: z.int().min(0).max(10).default(3).describe('Further tries where the server does not answer, or is busy.'),
});
type Options = z.infer<typeof options>;

/** Bounds of one request: Qdrant takes 32 MB, and must be done within the time allowed. */
const batchPoints = 200;
const batchBytes = 8_000_000;
const pagePoints = 1000;
const firstWaitMs = 200;
const longestWaitMs = 5000;

const payloadSchema = z.object({
  id: z.string(),
  documentId: z.string(),
  title: z.string(),
  url: z.string(),
  position: z.number(),
  text: z.string(),
});

/** Qdrant's ids are UUIDs: the first half of the chunk's sha256, or of the sha256 of an id that is none. */
function pointId(id: string): string {
  const digest = /^[0-9a-f]{64}$/.test(id) ? id : contentHash(id);
  return digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function pointOf({ vector, ...chunk }: Chunk & { readonly vector: Float32Array }) {
  const words = documentVector(chunkText(chunk));
  return {
    id: pointId(chunk.id),
    // A text without a letter or digit has no words: a point need not have each vector.
    vector: { dense: [...vector], ...(words.indices.length === 0 ? {} : { words: { ...words } }) },
    payload: payloadSchema.parse(chunk),
  };
}

/** What the items become, in order: as many at once as both bounds allow, and at least one. */
function* batchesOf<T, Sent>(items: readonly T[], shape: (item: T) => Sent, most: number): Generator<Sent[]> {
  let batch: Sent[] = [];
  let bytes = 0;
  for (const item of items) {
    const sent = shape(item);
    const size = Buffer.byteLength(JSON.stringify(sent));
    if (batch.length >= most || (batch.length > 0 && bytes + size > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(sent);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** A collection on a server. */
interface Connection {
  readonly client: QdrantClient;
  readonly collection: string;
  /** For messages. */
  readonly place: string;
  /** The answer; asks again where the server may answer later. Throws what the client throws. */
  ask<T>(call: () => Promise<T>): Promise<T>;
  /** What went wrong, in the server's words where it said something. Never holds the key. */
  reason(error: unknown): string;
}

const statusOf = (error: unknown) => (error as { status?: number }).status;

/** Whether the same request may succeed later: no answer, too many requests, or a server that is not well. */
function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500;
}

function wordsOf(error: unknown, timeoutMs: number): string {
  const { name, data, cause } = error as { name?: string; data?: unknown; cause?: { message?: string; code?: string } };
  if (name === 'QdrantClientTimeoutError') return `no answer within ${timeoutMs} ms`;
  const said = typeof data === 'string' ? data : (data as { status?: { error?: string } } | undefined)?.status?.error;
  const status = statusOf(error) === undefined ? '' : `HTTP ${statusOf(error)}: `;
  // Of `fetch failed` only the cause says why; where two addresses failed it has a code and no message.
  return status + messageOf(said || cause?.message || cause?.code || error);
}

function keyIn(env: PassageIndexParts['env'], name: string): string {
  const key = env[name]?.trim() ?? '';
  // The client's own complaint would show the key.
  if (!/^[\x21-\x7e]*$/.test(key)) throw new ConfigError(`environment variable ${name}: holds more than an API key`);
  return key;
}

/** The client forgets an address's path, and its port where that is the scheme's own: they are given to it one by one. */
function addressOf(text: string) {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ConfigError(`index qdrant: url is "${text}", not an address like http://127.0.0.1:6333`);
  }
  const { protocol, hostname, pathname } = new URL(text);
  const port = Number(/^[^/]*\/\/[^/?#]*:(\d+)(?:[/?#]|$)/.exec(text)?.[1] ?? 6333);
  const prefix = pathname.replace(/\/+$/, '');
  return {
    host: hostname,
    port,
    prefix,
    https: protocol === 'https:',
    shown: `${protocol}//${hostname}:${port}${prefix}`,
  };
}

async function connect(settings: Options, { env, corpus, notify }: PassageIndexParts): Promise<Connection> {
  const { QdrantClient } = await import('@qdrant/js-client-rest');
  const { apiKeyEnv, timeoutMs, retries, collection = corpus } = settings;
  const { shown, ...address } = addressOf(settings.url ?? (env.QDRANT_URL || 'http://127.0.0.1:6333'));
  const key = keyIn(env, apiKeyEnv);
  if (key !== '' && !address.https && !/^(localhost|127\..*|\[::1\])$/.test(address.host)) {
    notify({ level: 'warning', message: `index qdrant: ${apiKeyEnv} goes unencrypted to ${shown}; use https` });
  }
  // A header and not `apiKey`, with which the client writes its own warning to the terminal.
  const headers = key === '' ? {} : { 'api-key': key };
  const client = new QdrantClient({ ...address, headers, timeout: timeoutMs, checkCompatibility: false });
  return {
    client,
    collection,
    place: `qdrant ${shown}, collection ${collection}`,
    async ask(call) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await call();
        } catch (error) {
          if (attempt >= retries || !isPassing(error)) throw error;
          await wait(Math.min(longestWaitMs, firstWaitMs * 2 ** attempt));
        }
      }
    },
    reason(error) {
      const words = wordsOf(error, timeoutMs);
      return (key === '' ? words : words.replaceAll(key, '***')).slice(0, 300);
    },
  };
}

/** Whether the collection is there. Throws ConfigError where it is another one than would be made. */
async function checkCollection({ client, collection, place, ask }: Connection, dimension: number): Promise<boolean> {
  if (!(await ask(() => client.collectionExists(collection))).exists) return false;
  const { params } = (await ask(() => client.getCollection(collection))).config;
  const { dense } = (params.vectors ?? {}) as { dense?: { size: number; distance: string } };
  if (dense?.distance !== 'Cosine' || params.sparse_vectors?.words?.modifier !== 'idf') {
    throw new ConfigError(`${place}: was not made by LLM Forge; name another collection`);
  }
  if (dense.size !== dimension) {
    throw new ConfigError(
      `${place}: holds vectors of ${dense.size} numbers, the embedder makes ${dimension}; name another corpus, or delete the collection to make it anew`,
    );
  }
  return true;
}

async function openCollection(connection: Connection, dimension: number): Promise<void> {
  const { client, collection, ask } = connection;
  if (await checkCollection(connection, dimension)) return;
  try {
    await ask(() =>
      client.createCollection(collection, {
        vectors: { dense: { size: dimension, distance: 'Cosine' } },
        sparse_vectors: { words: { modifier: 'idf' } },
      }),
    );
  } catch (error) {
    // Another process made it meanwhile, or the first try did and its answer was lost.
    if (!(await checkCollection(connection, dimension))) throw error;
  }
}

function adviceFor(error: unknown, { apiKeyEnv }: Options): string {
  const status = statusOf(error);
  if (status === 401 || status === 403) return `; set ${apiKeyEnv} to the server's API key`;
  if (isPassing(error)) return '; is the server running? docker compose -f deploy/qdrant.yaml up -d starts one';
  return '';
}

/** The collection, its failures told as the contract says. */
function indexOn(
  { client, collection, place, ask, reason }: Connection,
  dimension: number,
  exact: boolean,
): PassageIndex {
  const failed = (why: string) => new RetrievalError(`${place}: ${why}`);
  const answered = <T>(call: () => Promise<T>): Promise<T> =>
    ask(call).catch((error: unknown) => {
      throw failed(reason(error));
    });
  /** A change, once searches see it; asked for again where the server says that it takes longer. */
  const changed = (call: () => Promise<{ status: string }>) =>
    answered(async () => {
      const { status } = await call();
      if (status !== 'completed') throw new Error(`the change was taken but is not made yet (${status})`);
    });

  async function search(using: string, query: number[] | SparseVector, limit: number): Promise<FoundChunk[]> {
    const params = using === 'dense' && exact ? { params: { exact } } : {};
    const { points } = await answered(() =>
      client.query(collection, { query, using, limit, with_payload: true, ...params }),
    );
    return points.map(({ payload, score }) => {
      const chunk = payloadSchema.safeParse(payload);
      if (!chunk.success) throw failed('holds a point that is no chunk; name another collection');
      return { ...chunk.data, score };
    });
  }

  return {
    name: 'qdrant',
    dimension,
    count: async () => (await answered(() => client.count(collection, { exact: true }))).count,
    async chunkIds() {
      const ids = new Set<string>();
      let from: { offset?: string } = {};
      do {
        const page = { limit: pagePoints, with_payload: ['id'], ...from };
        const { points, next_page_offset: next } = await answered(() => client.scroll(collection, page));
        for (const { payload } of points) ids.add(String(payload?.id));
        from = typeof next === 'string' ? { offset: next } : {};
      } while (from.offset !== undefined);
      return ids;
    },
    async add(chunks) {
      // Points of the same id have the same content: writing them again changes nothing.
      for (const points of batchesOf(chunks, pointOf, batchPoints)) {
        await changed(() => client.upsert(collection, { wait: true, points }));
      }
    },
    async remove(ids) {
      for (const points of batchesOf(ids, pointId, pagePoints)) {
        await changed(() => client.delete(collection, { wait: true, points }));
      }
    },
    // The server builds its graph by itself, and compares with every vector until then; no field of the payload is searched.
    finish: async () => {},
    searchVector: (vector, limit) => search('dense', [...vector], limit),
    async searchText(text, limit) {
      const query = queryVector(text);
      return query.indices.length === 0 ? [] : search('words', query, limit);
    },
    // Connections that are idle keep no process alive.
    close: async () => {},
  };
}

/**
 * A Qdrant server: dense vectors, and BM25 as sparse vectors whose IDF the server computes. https://qdrant.tech/documentation/
 *
 * LanceDB's search finds other texts: it stems English words, leaves out stop words and words over 40 letters, reads é as e, counts
 * a word of the query as often as it stands there, and knows the true mean length. This one does nothing of that.
 */
export const definition: Definition<PassageIndex, PassageIndexParts, typeof options> = {
  name: 'qdrant',
  summary: 'Vectors and BM25 in a Qdrant server, for teams: deploy/qdrant.yaml starts one.',
  options,
  async create(settings, parts) {
    const connection = await connect(settings, parts);
    try {
      await openCollection(connection, parts.dimension);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ConfigError(`${connection.place}: ${connection.reason(error)}${adviceFor(error, settings)}`);
    }
    return indexOn(connection, parts.dimension, settings.exact);
  },
};
