import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from './errors.ts';
import { type Claim, parseClaim } from './lib/parse-claim.ts';
import { parseYamlSource } from './lib/yaml-source.ts';
import { issueText, keysOfSchema } from './load-experiment.ts';

const kinds = ['experiment', 'training', 'benchmark'] as const;
type Kind = (typeof kinds)[number];

const fileOf = (what: string) =>
  z.string().min(1).optional().describe(`The ${what} file that answers it, from the folder of this file.`);

/** A findings file: what is claimed, of which experiment, training or benchmark, and what was planned before it was measured. */
export const findingsSchema = z.strictObject({
  version: z.literal(1).describe('Version of this file format.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be lower-case letters, digits, dots, dashes and underscores')
    .describe('Name of the finding.'),
  question: z.string().min(1).max(500).describe('What was asked, for people.'),
  experiment: fileOf('experiment'),
  training: fileOf('training'),
  benchmark: fileOf('benchmark'),
  claims: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(50)
    .describe('What is claimed, e.g. `numeric-match(chain-of-thought) - numeric-match(naive) > 10 points`.'),
  plan: z
    .strictObject({
      n: z
        .union([z.int().min(2), z.record(z.string(), z.int().min(2))])
        .describe(
          'Examples of each variant, at most where the plan is sequential; of a training by evaluation, e.g. {arithmetic: 200, reading: 100}.',
        ),
      alpha: z.number().gt(0).lt(1).default(0.05).describe('Over all claims of the file together (Bonferroni).'),
      maxFailed: z
        .number()
        .min(0)
        .max(1)
        .default(0.02)
        .describe('Share of failed examples (they count as wrong) above which the plan was not kept.'),
      sequential: z
        .boolean()
        .default(false)
        .describe(
          'The experiment may stop before `n` (compare.stop): claims get intervals that hold whenever it does.',
        ),
    })
    .describe('What was decided before measuring; a departure is told with the verdict.'),
});

export interface FindingsSpec extends Omit<z.infer<typeof findingsSchema>, 'claims' | Kind> {
  /** The file that answers it, from the folder of the findings file. */
  readonly source: { readonly kind: Kind; readonly file: string };
  readonly claims: readonly Claim[];
}

/** Throws ConfigError with file, line and key. */
export async function loadFindings(file: string): Promise<FindingsSpec> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${file}: cannot be read (${error.code})`);
  });
  const yaml = parseYamlSource(file, text);
  const parsed = findingsSchema.safeParse(yaml.value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const keysAt = (path: readonly (string | number)[]) => keysOfSchema(findingsSchema, path);
    throw new ConfigError(issueText(yaml, issue, yaml.value, { prefix: [], keysAt }));
  }
  const claims = parsed.data.claims.map((claim, i) => {
    try {
      return parseClaim(claim);
    } catch (error) {
      throw new ConfigError(`${yaml.where(['claims', i])}: ${(error as Error).message}`);
    }
  });
  const { experiment, training, benchmark, ...spec } = parsed.data;
  const [source, ...more] = Object.entries({ experiment, training, benchmark }).flatMap(([kind, named]) =>
    named === undefined ? [] : [{ kind: kind as Kind, file: named }],
  );
  if (source === undefined || more.length > 0) {
    const given = source === undefined ? 'none' : [source, ...more].map(({ kind }) => kind).join(' and ');
    throw new ConfigError(`${file}: names ${given} of experiment, training and benchmark; it must name one`);
  }
  return { ...spec, source, claims };
}
