import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findingsTable, type RecordedFindings, recordedFile, root, sourcesOf } from './recorded-findings.ts';

const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '' && existsSync(join(root, page)));

/** Paths that a page names in backticks or links: with a slash or a known ending, without blanks and placeholders. */
function pathsIn(text: string): string[] {
  const named = [...text.matchAll(/`([^`\s]+)`|\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? match[2] ?? '');
  return named.filter(
    (name) =>
      !/[<>*{}$|:,=]/.test(name) &&
      !name.startsWith('.') &&
      !name.startsWith('/') &&
      // What scripts make is in nobody's checkout.
      !name.startsWith('build/') &&
      /^[\w./-]+(\/|\.(ts|md|ya?ml|mjs|py|json|jsonl|gguf|cjs|safetensors))$/.test(name),
  );
}

describe('results in README.md', () => {
  const recorded = JSON.parse(readFileSync(recordedFile, 'utf8')) as RecordedFindings;
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  it('are of the files as they are: write them anew with `npm run reproduce`', async () =>
    expect(recorded.sources).toEqual(await sourcesOf()));
  it('are those that were recorded', () => expect(readme).toContain(findingsTable(recorded.findings)));
  it.each(['packages/forge/README.md', 'docs/guides/getting-started.md'])('%s quotes its finding', (page) => {
    const [finding] = /^chain-of-thought is better than naive by .*$/m.exec(readme) ?? ['no finding'];
    expect(readFileSync(join(root, page), 'utf8')).toContain(finding);
  });
});

describe('documentation', () => {
  it('has pages', () => expect(pages).toContain('README.md'));
  it.each(pages)('%s names only paths that exist', (page) => {
    const here = dirname(join(root, page));
    const missing = pathsIn(readFileSync(join(root, page), 'utf8')).filter(
      (path) => ![root, here, join(root, 'packages/forge/src')].some((base) => existsSync(join(base, path))),
    );
    expect(missing).toEqual([]);
  });
});
