import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { definitionsOf, nouns } from '../catalog.ts';
import { ConfigError } from '../errors.ts';
import { calculate } from './calculate.ts';
import { htmlText } from './html-text.ts';
import { inertMarkdown } from './inert-markdown.ts';
import { normalizeSquad, normalizeTriviaqa, wordsOf } from './normalize-answer.ts';
import { parseDirectAnswer, parseReasonedAnswer } from './parse-answer.ts';
import { parseStep } from './parse-step.ts';
import { plainText } from './plain-text.ts';
import { lastNumber } from './read-number.ts';
import { placeholdersOf, renderTemplate } from './render-template.ts';
import { documentVector } from './sparse-terms.ts';
import { oneLine, visibleText } from './untrusted-text.ts';
import { comparedWords } from './word-grams.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
/** A text may be refused; it must not take long. */
function refusing(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
/** Everything that reads what a model, a server or a document wrote. */
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  normalizeSquad,
  normalizeTriviaqa,
  wordsOf,
  parseDirectAnswer,
  parseReasonedAnswer,
  parseStep,
  lastNumber,
  placeholdersOf,
  renderTemplate: (text) => renderTemplate(text, { question: 'x' }),
  oneLine: (text) => oneLine(text, 1000),
  visibleText: (text) => visibleText(text, 1_000_000),
  documentVector,
  comparedWords,
  inertMarkdown,
  htmlText: (text) => refusing(() => htmlText(bytes(text))),
  plainText: (text) => refusing(() => plainText(bytes(text))),
  calculate: (text) => calculate(text).catch(() => {}),
};
const units = [
  ' ',
  '\n',
  '\t',
  'a',
  '1',
  ',',
  '.',
  '-',
  '(',
  '[',
  ']',
  '<',
  '<a ',
  '<!--',
  '{',
  '{a',
  '}',
  '`',
  '```\n',
  '\\',
  '"',
  "'",
  '1,',
  '-1',
  '1.',
  ' \n',
  'a ',
  'the ',
  'Answer: ',
  'answer is ',
  '####',
  'Action: x[',
  'Thought: ',
  'Observation: ',
  'Final Answer: ',
  '\\boxed{',
  '# ',
  '= ',
  '\r',
  '\u200b',
  '1e',
  '$',
  '(1+',
  'sqrt(',
];

describe('a text made to take long', () => {
  it.each(Object.keys(readers))(
    '%s reads 100,000 characters of anything in proportion',
    async (name) => {
      const read = readers[name] as (text: string) => unknown;
      for (const unit of units) {
        for (const end of ['', 'x', '\n!']) {
          const text = unit.repeat(100_000 / unit.length) + end;
          const started = process.cpuUsage();
          await read(text);
          const { user, system } = process.cpuUsage(started);
          // Quadratic would be ten thousand million steps: over ten seconds of computing. Counted on the CPU, as machines are busy.
          expect([unit, (user + system) / 1e6 < 4]).toEqual([unit, true]);
        }
      }
    },
    120_000,
  );
});

describe('pages', () => {
  it('show what models, data sets and people wrote as text only', async () => {
    const dashboard = fileURLToPath(new URL('../../../dashboard', import.meta.url));
    const found: string[] = [];
    for (const folder of ['app', 'components', 'lib'])
      for (const entry of await readdir(join(dashboard, folder), { recursive: true })) {
        if (!/\.tsx?$/.test(entry)) continue;
        const text = await readFile(join(dashboard, folder, entry), 'utf8');
        if (
          /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(
            text,
          )
        )
          found.push(entry);
      }
    expect(found).toEqual([]);
  });
});

describe('patterns', () => {
  const source = fileURLToPath(new URL('..', import.meta.url));

  it('are ours: no regular expression is made of what a config says', async () => {
    const found: string[] = [];
    for (const entry of await readdir(source, { recursive: true })) {
      if (!entry.endsWith('.ts') || entry.endsWith('.test.ts') || entry.startsWith('testing')) continue;
      const text = await readFile(join(source, entry), 'utf8');
      if (/new RegExp\(|\bRegExp\(/.test(text)) found.push(entry);
    }
    // What they make them of stands in the code.
    expect(found.sort()).toEqual(['lib/machine-meter.ts', 'lib/parse-claim.ts']);
  });

  it('are no option of any component', () => {
    const keys = nouns.flatMap((noun) => definitionsOf(noun).flatMap(({ options }) => Object.keys(options.shape)));
    expect(keys.filter((key) => /regex|pattern|regexp/i.test(key))).toEqual([]);
  });
});
