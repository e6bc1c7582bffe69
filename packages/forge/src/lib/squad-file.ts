import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { z } from 'zod';
import { ConfigError, messageOf } from '../errors.ts';
import { checkFile, fileSha256, type NumberedRow, type RowSource } from './row-source.ts';

/** The official nested file; the largest (train, v2.0) has 42 MB. */
const maxBytes = 500e6;

const fileSchema = z.object({
  data: z.array(
    z.object({
      title: z.string(),
      paragraphs: z.array(
        z.object({
          context: z.string(),
          qas: z.array(
            z.object({ id: z.string(), question: z.string(), answers: z.array(z.object({ text: z.string() })) }),
          ),
        }),
      ),
    }),
  ),
});

/** The rows of an official SQuAD file in the shape of the hub's: id, title, context, question, answers {text}. */
export async function openSquadFile(path: string, baseDir: string): Promise<RowSource> {
  const shown = relative(baseDir, path) || path;
  if ((await checkFile(path, baseDir)) > maxBytes) throw new ConfigError(`${shown}: larger than ${maxBytes / 1e6} MB`);
  let parsed: z.infer<typeof fileSchema>;
  try {
    parsed = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    const issue =
      error instanceof z.ZodError
        ? `${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message}`
        : messageOf(error).slice(0, 200);
    throw new ConfigError(`${shown}: not a SQuAD file: ${issue}`);
  }
  const rows: NumberedRow[] = parsed.data
    .flatMap(({ title, paragraphs }) =>
      paragraphs.flatMap(({ context, qas }) => qas.map((qa) => ({ title, context, ...qa }))),
    )
    .map(({ id, title, context, question, answers }, index) => ({
      index,
      row: { id, title, context, question, answers: { text: answers.map((answer) => answer.text) } },
      where: `${shown}, question ${id}`,
    }));
  let hashed: string | undefined;
  return {
    label: shown,
    count: async () => rows.length,
    async *rows({ only }) {
      for (const row of rows) if (only === undefined || only.has(row.index)) yield row;
    },
    fingerprint: async (signal) => (hashed ??= await fileSha256(path, signal)),
  };
}
