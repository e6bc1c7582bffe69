import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, Table } from '@lancedb/lancedb';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError, messageOf, RetrievalError } from '../errors.ts';
import { chunkText } from '../lib/chunk-text.ts';
import type { Chunk, FoundChunk, PassageIndex, PassageIndexParts } from '../passage-index.ts';

const options = z.strictObject({
  kind: z
    .enum(['flat', 'hnsw', 'ivf'])
    .default('flat')
    .describe(
      'Vector search: exact over all (flat), a graph (hnsw), or inverted lists with product quantisation and refinement (ivf).',
    ),
  refine: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('hnsw, ivf: so many times the wanted number is found roughly, then compared exactly.'),
});

const tableName = 'chunks';
const columns = ['id', 'documentId', 'title', 'url', 'position', 'text'];
/** Under so many rows an approximate index cannot be trained, and is not needed. */
const leastForAnn = 5000;
const maxListed = 10_000;

type Row = Chunk & { readonly _distance?: number; readonly _score?: number };

const foundOf = (row: Row, score: number): FoundChunk => ({
  id: row.id,
  documentId: row.documentId,
  title: row.title,
  url: row.url,
  position: Number(row.position),
  text: row.text,
  score,
});

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

async function indexText(table: Table): Promise<void> {
  const { Index } = await import('@lancedb/lancedb');
  await table.createIndex('searched', { config: Index.fts({ withPosition: false }), replace: true });
}

async function openTable(folder: string, dimension: number): Promise<{ connection: Connection; table: Table }> {
  const lancedb = await import('@lancedb/lancedb');
  const arrow = await import('apache-arrow');
  await mkdir(folder, { recursive: true });
  const connection = await lancedb.connect(folder);
  const text = (name: string) => new arrow.Field(name, new arrow.Utf8(), false);
  const item = new arrow.Field('item', new arrow.Float32(), true);
  const schema = new arrow.Schema([
    ...['id', 'documentId', 'title', 'url', 'text', 'searched'].map(text),
    new arrow.Field('position', new arrow.Int32(), false),
    new arrow.Field('vector', new arrow.FixedSizeList(dimension, item), false),
  ]);
  const names = await connection.tableNames();
  const table = names.includes(tableName)
    ? await connection.openTable(tableName)
    : await connection.createEmptyTable(tableName, schema);
  const stored = (await table.schema()).fields.find((field) => field.name === 'vector')?.type as { listSize?: number };
  if (stored?.listSize !== dimension) {
    connection.close();
    throw new ConfigError(
      `index ${folder}: holds vectors of ${stored?.listSize} numbers, the embedder makes ${dimension}; name another corpus, or delete the folder to make it anew`,
    );
  }
  // From the start: rows that no index covers yet are searched with its tokenizer, without one case would matter.
  if ((await table.listIndices()).every(({ columns }) => !columns.includes('searched'))) await indexText(table);
  return { connection, table };
}

/**
 * LanceDB in a folder: exact or approximate vector search and BM25 (k1 = 1.2, b = 0.75) on disk. https://lancedb.github.io/lancedb/
 * Product quantisation without refinement loses two thirds of the neighbours, so `ivf` always refines.
 */
export const definition: Definition<PassageIndex, PassageIndexParts, typeof options> = {
  name: 'lancedb',
  summary: 'Vectors and BM25 in a folder on this machine: no server.',
  options,
  async create({ kind, refine }, { cacheDir, corpus, dimension }) {
    const folder = join(cacheDir, 'indexes', corpus, `lancedb-${kind}`);
    const { connection, table } = await openTable(folder, dimension);
    const failed = (error: unknown) => new RetrievalError(`index ${folder}: ${messageOf(error).slice(0, 300)}`);

    /** One insert after another: two at once would both miss the same chunk, and store it twice. */
    let lastInsert: Promise<unknown> = Promise.resolve();

    const hasGraph = async () =>
      kind !== 'flat' && (await table.listIndices()).some(({ columns: ofIndex }) => ofIndex.includes('vector'));
    let approximate = await hasGraph();

    return {
      name: 'lancedb',
      dimension,
      count: () => table.countRows(),
      async chunkIds() {
        const ids = new Set<string>();
        for await (const batch of table.query().select(['id'])) {
          const column = batch.getChild('id');
          for (let i = 0; i < batch.numRows; i++) ids.add(String(column?.get(i)));
        }
        return ids;
      },
      async add(chunks) {
        if (chunks.length === 0) return;
        // Compared with what is stored only, not with each other.
        const once = new Map(chunks.map((chunk) => [chunk.id, chunk]));
        const rows = [...once.values()].map(({ vector, ...chunk }) => ({
          ...chunk,
          searched: chunkText(chunk),
          vector: [...vector],
        }));
        const insert = lastInsert.then(() => table.mergeInsert('id').whenNotMatchedInsertAll().execute(rows));
        lastInsert = insert.catch(() => {});
        await insert;
      },
      async remove(ids) {
        for (let from = 0; from < ids.length; from += maxListed) {
          const list = ids.slice(from, from + maxListed).map(quoted);
          await table.delete(`id in (${list.join(', ')})`);
        }
      },
      async finish() {
        const lancedb = await import('@lancedb/lancedb');
        const rows = await table.countRows();
        if (rows === 0) return;
        await indexText(table);
        if (kind !== 'flat' && rows >= leastForAnn) {
          const config =
            kind === 'hnsw'
              ? lancedb.Index.hnswSq({ distanceType: 'dot' })
              : lancedb.Index.ivfPq({ distanceType: 'dot' });
          await table.createIndex('vector', { config, replace: true });
        }
        await table.optimize();
        approximate = await hasGraph();
      },
      async searchVector(vector, limit) {
        try {
          let query = table
            .query()
            .nearestTo([...vector])
            .distanceType('dot')
            .select([...columns, '_distance']);
          query = approximate ? query.refineFactor(refine) : query.bypassVectorIndex();
          const rows = (await query.limit(limit).toArray()) as Row[];
          // LanceDB's dot distance is 1 - cosine for vectors of unit length.
          return rows.map((row) => foundOf(row, 1 - Number(row._distance)));
        } catch (error) {
          throw failed(error);
        }
      },
      async searchText(text, limit) {
        const { MatchQuery } = await import('@lancedb/lancedb');
        if (text.trim() === '') return [];
        try {
          const query = table
            .query()
            .fullTextSearch(new MatchQuery(text, 'searched'))
            .select([...columns, '_score']);
          const rows = (await query.limit(limit).toArray()) as Row[];
          return rows.map((row) => foundOf(row, Number(row._score)));
        } catch (error) {
          throw failed(error);
        }
      },
      async close() {
        table.close();
        connection.close();
      },
    };
  },
};
