import {
  benchmarkJsonSchema,
  corpusJsonSchema,
  experimentJsonSchema,
  findingsJsonSchema,
  trainingJsonSchema,
} from '../../packages/forge/src/json-schemas.ts';
import { nounLink } from './catalog-reference.ts';
import { code, headingHtml } from './html.ts';
import type { Page } from './page.ts';
import { type JsonSchema, schemaEntries } from './schema-rows.ts';

const files: readonly [name: string, schema: JsonSchema, note: string][] = [
  [
    'experiment',
    experimentJsonSchema() as JsonSchema,
    'Each of <code>variants</code> may set what the file sets, but for <code>version</code>, <code>name</code> and what compares.',
  ],
  ['corpus', corpusJsonSchema() as JsonSchema, ''],
  ['training', trainingJsonSchema() as JsonSchema, ''],
  [
    'benchmark',
    benchmarkJsonSchema() as JsonSchema,
    'Each of <code>methods</code> and <code>optimisations</code> may set what an experiment sets.',
  ],
  ['findings', findingsJsonSchema() as JsonSchema, ''],
];

/** The keys of every kind of file, from the JSON Schemas that editors use. */
export function configurationPage(): Page {
  const parts = files.map(([name, schema, note]) => {
    const heading = headingHtml(2, name, `${name[0]?.toUpperCase()}${name.slice(1)} files`);
    const printed = `<p>${code(`forge schema ${name}`)} prints the JSON Schema, for editors. ${note}</p>\n`;
    return `${heading}${printed}${schemaEntries(schema, nounLink)}`;
  });
  const intro =
    '<p>Where a type is a link, the catalog lists what can be named. A key with a default may be left out; so may one that is not required.</p>\n';
  return {
    path: 'reference/configuration.html',
    title: 'Configuration files',
    html: `<h1>Configuration files</h1>\n${intro}${parts.join('')}`,
  };
}
