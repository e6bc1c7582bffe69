import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isBenchmarkText, parseBenchmark } from '../packages/forge/src/load-benchmark.ts';
import { loadExperiment } from '../packages/forge/src/load-experiment.ts';
import { isTrainingText, parseTraining } from '../packages/forge/src/load-training.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
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
      /^[\w./-]+(\/|\.(ts|md|ya?ml|mjs|py|json|jsonl|gguf|cjs|safetensors))$/.test(name),
  );
}

async function configHashOf(file: string): Promise<string> {
  const text = readFileSync(file, 'utf8');
  if (isTrainingText(text)) return parseTraining(file, text).configHash;
  if (isBenchmarkText(text)) return parseBenchmark(file, text).configHash;
  return (await loadExperiment(file)).configHash;
}

describe('tables in README.md', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/<!-- ([a-z-]+) ([0-9a-f]+) -->/g)].map(([, name = '', hash = '']) => ({
    name,
    hash,
  }));
  it('are there', () => expect(blocks.map(({ name }) => name)).toContain('rag-ablation'));
  it.each(blocks)(
    '$name is of the experiment as it is: write it anew with `npm run tables`',
    async ({ name, hash }) => {
      const file = join(root, 'experiments', `${name}.yaml`);
      expect((await configHashOf(file)).slice(0, 12)).toBe(hash);
    },
  );
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
