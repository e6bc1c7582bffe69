import { z } from 'zod';
import { definitionsOf, type Noun, nouns, pluralOf } from '../../packages/forge/src/catalog.ts';
import { code, headingHtml, inlineHtml } from './html.ts';
import type { Page } from './page.ts';
import { type JsonSchema, type LinkOf, schemaEntries } from './schema-rows.ts';

const titles: Partial<Record<Noun, string>> = {
  nli: 'NLI models',
  dataset: 'Data sets',
  'training-set': 'Training sets',
};
const titleOf = (noun: Noun) => titles[noun] ?? pluralOf(noun).replace(/^./, (letter) => letter.toUpperCase());

const fileOf = (noun: Noun) => pluralOf(noun).replaceAll(' ', '-');

/** Links to the page of a noun, from a page in reference/. What else a schema refers to is a value that may hold others of its kind. */
export const nounLink: LinkOf = (reference) => {
  const name = reference.replace(/^#\/\$defs\//, '');
  const noun = nouns.find((one) => one === name);
  if (noun === undefined) return 'JSON';
  return `<a href="${fileOf(noun)}.html">${noun}</a>`;
};

function pageOf(noun: Noun): Page {
  const parts = definitionsOf(noun).map(({ name, summary, options }) => {
    const schema = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
    const table = schemaEntries(schema, nounLink);
    return `${headingHtml(2, name, code(name))}<p>${inlineHtml(summary)}</p>\n${table || '<p>No options.</p>\n'}`;
  });
  const listed = `What ${code(`forge list ${noun === 'trainer' ? 'components' : pluralOf(noun)}`)} prints, from the same definitions.`;
  const title = titleOf(noun);
  return {
    path: `reference/${fileOf(noun)}.html`,
    title,
    html: `<h1>${title}</h1>\n<p>${listed} A config names one by its name alone, or as ${code('{ name: …, option: … }')}.</p>\n${parts.join('')}`,
  };
}

/** A page for each noun of the catalog: every component with its options, their types and defaults. */
export const catalogPages = (): Page[] => nouns.map(pageOf);
