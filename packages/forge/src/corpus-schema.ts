import { z } from 'zod';
import { componentReference } from './lib/component-reference.ts';
import { reaching } from './lib/option-reach.ts';

const columns = z.strictObject({
  id: z.string().default('id').describe('Column of the document id; the row’s number where there is none.'),
  title: z.string().default('title').describe('Column of the title; empty where there is none.'),
  text: z.string().default('text').describe('Column of the text.'),
  url: z.string().default('url').describe('Column of the address; empty where there is none.'),
});

const sourceKeys = z.strictObject({
  path: reaching('file', z.string().min(1))
    .optional()
    .describe('A file, or a folder of documents (.txt, .md, .html, .pdf), relative to the project.'),
  format: z
    .enum(['json-lines', 'csv', 'parquet', 'document'])
    .optional()
    .describe('path: what the file is; by its ending when left out.'),
  hub: z
    .string()
    .regex(/^\w[\w.-]*\/\w[\w.-]*(@[\w./-]+)?$/, 'must look like owner/repo or owner/repo@revision')
    .optional()
    .describe('A data set of the Hugging Face Hub, owner/repo[@revision], instead of path.'),
  config: z.string().min(1).optional().describe('hub: configuration (subset) of the data set.'),
  split: z.string().min(1).optional().describe('hub: which split; train when left out.'),
  columns: columns.prefault({}).describe('Tables and the hub: which column is what.'),
  limit: z.int().min(1).optional().describe('Documents at most: the first ones; all when left out.'),
});

/** Exactly one of path and hub, each with its own keys. A union would say so in riddles. */
const source = sourceKeys
  .superRefine((given, { addIssue }) => {
    const problem = (key: keyof typeof given | undefined, message: string) =>
      addIssue({ code: 'custom', path: key === undefined ? [] : [key], message });
    const { path, hub } = given;
    if (path === undefined && hub === undefined)
      problem(undefined, 'a source needs path (a file or a folder) or hub (owner/repo)');
    else if (path !== undefined && hub !== undefined) problem('hub', 'a source has either path or hub, not both');
    const foreign = hub === undefined ? (['config', 'split'] as const) : (['format'] as const);
    for (const key of foreign)
      if (given[key] !== undefined)
        problem(key, `belongs to ${hub === undefined ? 'hub' : 'path'}, which is not there`);
  })
  .meta({ oneOf: [{ required: ['path'] }, { required: ['hub'] }] });

/** The shape of a corpus file. */
export const corpusSchema = z.strictObject({
  version: z.literal(1).describe('Version of this file format.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be lower-case letters, digits, dots, dashes and underscores')
    .describe('Name of the corpus, and of its index.'),
  description: z.string().optional().describe('What is in it, for people.'),
  sources: z.array(source).min(1).max(1000).describe('Where the documents come from.'),
  chunk: z
    .strictObject({
      tokens: z
        .int()
        .min(8)
        .max(8192)
        .default(256)
        .describe('Tokens of a chunk at most, counted by the embedder’s tokenizer.'),
      overlap: z
        .int()
        .min(0)
        .max(4096)
        .default(32)
        .describe('Tokens of the chunk before that a chunk repeats at most.'),
    })
    .prefault({})
    .describe('How documents are cut, at the ends of sentences.'),
  embedder: componentReference('embedder').default('sentence-transformer').describe('What turns chunks into vectors.'),
  index: componentReference('index').default('lancedb').describe('What holds and searches them.'),
});

export type CorpusFile = z.infer<typeof corpusSchema>;
