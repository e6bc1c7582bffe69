import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadFile } from '../packages/forge/src/cli/load-file.ts';
import { program } from '../packages/forge/src/cli/main.ts';
import { loadFindings } from '../packages/forge/src/findings-schema.ts';
import { isCorpusText, loadCorpus } from '../packages/forge/src/load-corpus.ts';
import { forgeCommands, guideBlocks, shellWords } from './docs-site/guide-blocks.ts';
import { brokenLinks, externalLinks } from './docs-site/links.ts';
import { renderMarkdown } from './docs-site/markdown.ts';
import { buildSite } from './docs-site/site.ts';

const root = join(import.meta.dirname, '..');

describe('the site', () => {
  const { files, sections } = buildSite(root);
  const pages = [...files].filter(([path]) => path.endsWith('.html')) as [string, string][];

  it('has no link, image or anchor that leads nowhere', () => expect(brokenLinks(files)).toEqual([]));

  it('notices a page that is gone, and an anchor', () => {
    const without = new Map([...files].filter(([path]) => path !== 'workers.html'));
    expect(brokenLinks(without)).toContain('guides/teams-and-workers.html -> ../workers.html');
    const changed = new Map(files).set('guides/metrics-and-statistics.html', '');
    expect(brokenLinks(changed)).toContain(
      'guides/own-model-and-data.html -> metrics-and-statistics.html#how-many-examples',
    );
  });

  it('leads out by https alone', () => {
    expect(externalLinks(files).filter((address) => !/^https?:\/\//.test(address))).toEqual([]);
  });

  it('has every page in its navigation, once', () => {
    const linked = sections.flatMap(({ links }) => links.map(({ path }) => path));
    expect(pages.map(([path]) => path).filter((path) => path !== 'index.html' && !linked.includes(path))).toEqual([]);
    expect(new Set(linked).size).toBe(linked.length);
  });

  it.each(pages)('%s has one h1, no anchor twice, and nothing that the policy of /guide forbids', (_, html) => {
    expect(html.match(/<h1>/g)).toHaveLength(1);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.filter((id, place) => ids.indexOf(id) !== place)).toEqual([]);
    expect(html).not.toMatch(/<[^>]+\s(style|on[a-z]+)=/);
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/);
    expect(html).not.toMatch(/<(script|link|img)[^>]*(src|href)="(https?:)?\/\//);
  });

  it('has formulas as MathML, none of them misread', () => {
    const html = files.get('statistics.html') as string;
    expect(html.match(/<math/g)?.length).toBeGreaterThan(40);
    expect(html).not.toMatch(/<merror|\$\$|\\frac/);
  });

  it('shows HTML of a text, and does not obey it', () => {
    const text =
      '# Title\n\n<img src=x onerror=alert(1)> and <!-- this -->\n\n<script>alert(2)</script>\n\n[a](javascript:alert)\n';
    const { html } = renderMarkdown({ file: 'hostile.md', text }, new Set(['hostile.md']));
    expect(html).not.toMatch(/<(img|script|!--)|href="javascript/);
    expect(html).toContain('&lt;script&gt;');
  });
});

describe('the reference', () => {
  const { files } = buildSite(root);
  const text = (path: string) => files.get(path) as string;

  it('has every command and option of the program', () => {
    const named = (command: Command, parents: string): string[] => [
      `id="${`${parents}-${command.name()}`}"`,
      ...command.options.map(({ flags }) => flags.replace('<', '&lt;').replace('>', '&gt;')),
      ...command.commands.flatMap((one) => named(one, `${parents}-${command.name()}`)),
    ];
    const wanted = program.commands.flatMap((command) => named(command, 'forge'));
    expect(wanted.length).toBeGreaterThan(100);
    expect(wanted.filter((one) => !text('reference/cli.html').includes(one))).toEqual([]);
    expect(text('reference/cli.html')).toContain('FORGE_HOME');
  });

  it('has routes with the role that they need', () => {
    expect(text('reference/http-api.html')).toMatch(/id="post-experiments".*\n<p>.*Role: <code>editor<\/code>/);
  });

  it('has options with type, default and description, and the forms of an objective', () => {
    expect(text('reference/methods.html')).toMatch(
      /<dt><code>topK<\/code> <span class="note">integer ≥ 1[^<]*, default <code>5<\/code><\/span><\/dt>\n<dd>Passages in the prompt/,
    );
    expect(text('reference/configuration.html')).toMatch(/<code>objective\.beta<\/code>.*with <code>name: dpo<\/code>/);
  });
});

const guideFolder = join(root, 'docs', 'guides');
const guides = readdirSync(guideFolder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: guideBlocks(readFileSync(join(guideFolder, name), 'utf8')) }));

/** The commands without what they do. */
function silence(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  for (const one of command.commands) silence(one);
}

it('notices what the program does not have', () => {
  silence(program);
  for (const words of [
    ['run'],
    ['run', 'a.yaml', '--nothing'],
    ['nothing'],
    ['findings', 'nothing'],
    ['list', 'nothing'],
  ])
    expect(() => program.parse(words, { from: 'user' }), words.join(' ')).toThrow();
});

describe.each(guides)('docs/guides/$name', ({ blocks }) => {
  let dir: string;
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = blocks.filter(({ language, caption }) => language !== 'bash' && caption !== '');
  const commands = blocks.filter(({ language }) => language === 'bash');

  // The project as the reader has it, with the files that the guide has them write.
  beforeAll(() => {
    silence(program);
    dir = mkdtempSync(join(tmpdir(), 'forge-guide-'));
    for (const folder of ['models', 'datasets', 'corpora', 'experiments', 'findings', 'deploy'])
      symlinkSync(join(root, folder), join(dir, folder));
    for (const { caption, text } of named) writeFileSync(join(dir, caption), `${text}\n`);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('has commands that the program understands', () => {
    expect(commands.length).toBeGreaterThan(0);
    for (const words of commands.flatMap(forgeCommands)) {
      expect(() => program.parse(words, { from: 'user' }), words.join(' ')).not.toThrow();
    }
  });

  it('has no other commands than those of npm, Docker and the shell', () => {
    for (const line of commands.flatMap(({ text }) => text.split('\n'))) {
      const words = shellWords(line);
      if (words[0] === 'npm')
        expect(['start', ...Object.keys(scripts)]).toContain(words[1] === 'run' ? words[2] : words[1]);
      else expect(['export', 'docker', undefined]).toContain(words[0]);
    }
  });

  it('names files that are there, or that it has made before', () => {
    const made = new Set<string>();
    for (const { language, caption, text } of blocks) {
      if (language === 'bash') {
        for (const words of text.split('\n').map(shellWords)) {
          const output = words.findIndex((word) => ['--output', '--file', '--all'].includes(word));
          if (output !== -1) made.add(words[output + 1] as string);
          if (words.includes('convert')) made.add(words.at(-3) as string);
          if (words.includes('backup')) made.add(words.at(-1) as string);
          const paths = words.filter((word) => /^[\w./-]+\.(ya?ml|jsonl|gguf|forge|backup)$/.test(word));
          expect(paths.filter((path) => !made.has(path) && !existsSync(join(dir, path)))).toEqual([]);
        }
      } else if (language === 'yaml') {
        expect(caption, 'a YAML block has the name of its file').toMatch(/^[a-z-]+\.yaml$/);
        const paths =
          text.match(/(?<=path: |model: |corpus: |experiment: )[\w./-]+\/[\w.-]+|[\w-]+\.(yaml|jsonl)\b/g) ?? [];
        const missing = paths.filter((path) => !made.has(path) && !existsSync(join(dir, path)));
        expect(missing.filter((path) => !existsSync(join(dir, 'experiments', path)))).toEqual([]);
      }
    }
  });

  it('has files that the program reads', async () => {
    for (const { language, caption, text } of named) {
      if (language === 'jsonl') for (const line of text.split('\n')) expect(() => JSON.parse(line)).not.toThrow();
      if (language !== 'yaml') continue;
      const file = join(dir, caption);
      if (isCorpusText(text)) await loadCorpus(caption, dir);
      else if (/^claims:/m.test(text)) await loadFindings(file);
      else await loadFile(file);
    }
  });
});
