import { type AsyncBuffer, type FileMetaData, parquetSchema, type SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** Of the file's end, which is read whole and parsed before anything else. */
const maxFooterBytes = 64e6;
const maxRowGroups = 100_000;
/** Text of a few letters packs to a hundredth; a chunk or page that claims more was made to. Small ones may. */
const maxRatio = 1000;
const freeBytes = 16e6;
const maxChunkBytes = 4e9;
const maxPageBytes = 512e6;
/** A run of equal values takes no room, so that a few bytes can claim any number of rows. */
const freeRows = 1_000_000;
const maxRowsPerByte = 100;
const maxPageValues = 10_000_000;

const whole = (value: number | bigint | undefined, what: string, most: number): number => {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${what} is ${String(value)}`);
  if (number > most) throw new Error(`${what} is ${number}; at most ${most} are read`);
  return number;
};

/** What a compressed size may unpack to. */
const mostFrom = (packed: number, most: number) => Math.min(most, Math.max(freeBytes, maxRatio * packed));

/** The file, its end checked when it is read: it says how much metadata is read and parsed before anything else. */
export function withCheckedFooter(file: AsyncBuffer): AsyncBuffer {
  const { byteLength } = file;
  if (byteLength < 12) throw new Error('it is shorter than an empty Parquet file');
  return {
    byteLength,
    async slice(from, to = byteLength) {
      const bytes = await file.slice(from, to);
      if (to === byteLength && bytes.byteLength >= 8)
        whole(
          new DataView(bytes).getUint32(bytes.byteLength - 8, true),
          'the length of its metadata',
          Math.min(maxFooterBytes, byteLength - 8),
        );
      return bytes;
    },
  };
}

/** Path of each column that holds values, in the order of the file. */
const leafPaths = ({ children, path }: SchemaTree): string[] =>
  children.length === 0 ? [JSON.stringify(path)] : children.flatMap(leafPaths);

/**
 * The library starts to read all columns of a group, and then takes those that the schema names, one for each name: were a read that
 * nobody waits for to fail, the process would end.
 */
function checkColumns(metadata: FileMetaData): void {
  const named = leafPaths(parquetSchema(metadata));
  if (new Set(named).size < named.length) throw new Error('two columns have one name');
  for (const { columns } of metadata.row_groups)
    if (
      columns.length !== named.length ||
      columns.some((c, i) => JSON.stringify(c.meta_data?.path_in_schema) !== named[i])
    )
      throw new Error('a row group has other columns than the schema');
}

/** Where each column chunk lies. Throws where declared sizes, offsets, row counts or columns cannot be, or were made to exhaust memory. */
export function checkParquet(metadata: FileMetaData, byteLength: number): { start: number; end: number }[] {
  const maxRows = Math.max(freeRows, maxRowsPerByte * byteLength);
  const groups = metadata.row_groups;
  whole(groups.length, 'the number of row groups', maxRowGroups);
  const rows = groups.reduce((sum, group) => sum + whole(group.num_rows, 'the rows of a group', maxRows), 0);
  if (whole(metadata.num_rows, 'the number of rows', maxRows) !== rows)
    throw new Error(`it claims ${metadata.num_rows} rows, but its row groups have ${rows}`);
  checkColumns(metadata);
  return groups.flatMap(({ columns }) =>
    columns.map(({ meta_data: column }) => {
      if (column === undefined) throw new Error('a column has no metadata');
      const start = whole(
        column.dictionary_page_offset || column.data_page_offset,
        'the offset of a column',
        byteLength,
      );
      const packed = whole(column.total_compressed_size, 'the size of a column', byteLength - start);
      whole(column.total_uncompressed_size, 'the unpacked size of a column', mostFrom(packed, maxChunkBytes));
      whole(column.num_values, 'the values of a column', maxRows);
      return { start, end: start + packed };
    }),
  );
}

/** Walks over the headers of the pages of a column chunk. */
function checkPages(chunk: DataView): void {
  const reader = { view: chunk, offset: 0 };
  // As the library does: what is left of less than a header is padding.
  while (reader.offset < chunk.byteLength - 1) {
    const header = parquetHeader(reader);
    const packed = whole(header.compressed_page_size, 'the size of a page', chunk.byteLength - reader.offset);
    whole(header.uncompressed_page_size, 'the unpacked size of a page', mostFrom(packed, maxPageBytes));
    const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
    for (const count of [v1?.num_values, v2?.num_values, v2?.num_rows, v2?.num_nulls, dictionary?.num_values])
      if (count !== undefined) whole(count, 'the values of a page', maxPageValues);
    reader.offset += packed;
  }
}

/** The file, each column chunk's pages checked as it is read: a page of ten bytes can claim two billion values. */
export function withCheckedPages(file: AsyncBuffer, chunks: readonly { start: number; end: number }[]): AsyncBuffer {
  async function read(from: number, to: number): Promise<ArrayBuffer> {
    const bytes = await file.slice(from, to);
    for (const { start, end } of chunks)
      if (start >= from && end <= to && end > start) checkPages(new DataView(bytes, start - from, end - start));
    return bytes;
  }
  return {
    byteLength: file.byteLength,
    slice(from, to = file.byteLength) {
      const reading = read(from, to);
      // The library asks for every range at first, and leaves the others alone when one fails: that would end the process.
      reading.catch(() => {});
      return reading;
    },
  };
}
