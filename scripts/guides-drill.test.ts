import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { drills } from '../packages/forge/src/testing/drills.ts';
import { forgeCommands, guideBlocks } from './docs-site/guide-blocks.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages', 'forge', 'src', 'cli', 'main.ts');
const guides = join(root, 'docs', 'guides');

/** Claims may be refuted and runs differ elsewhere: what a guide shows is that its commands do what they are for. */
const fine = (status: unknown) => status === 4 || status === 5;

// Minutes: every command of every guide that needs nothing but the checkout, in its order, as a reader would type them.
describe.skipIf(!drills)('the guides, from the first command to the last', () => {
  const made: string[] = [];
  afterAll(() => {
    for (const dir of made) rmSync(dir, { recursive: true, force: true });
  });

  it.each(readdirSync(guides).filter((name) => name.endsWith('.md')))(
    '%s',
    (name) => {
      const dir = mkdtempSync(join(tmpdir(), 'forge-guide-'));
      made.push(dir);
      // Tools are only read where they really are in the project.
      cpSync(join(root, 'experiments'), join(dir, 'experiments'), { recursive: true });
      for (const folder of ['models', 'datasets', 'corpora', 'findings', 'packages', 'node_modules'])
        symlinkSync(join(root, folder), join(dir, folder));
      const forge = (...words: string[]) => {
        try {
          return execFileSync(process.execPath, [main, ...words], {
            cwd: dir,
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
          });
        } catch (error) {
          const { status, stdout, stderr } = error as { status: unknown; stdout: string; stderr: string };
          if (fine(status)) return stdout;
          throw new Error(`forge ${words.join(' ')}: ${status}\n${stdout}\n${stderr}`);
        }
      };
      const latest = () =>
        (JSON.parse(forge('list', '--limit', '1', '--json')) as { items: { id: string }[] }).items[0]?.id ?? '';
      for (const block of guideBlocks(readFileSync(join(guides, name), 'utf8'))) {
        if (block.language !== 'bash' && block.caption !== '')
          writeFileSync(join(dir, block.caption), `${block.text}\n`);
        if (block.language !== 'bash' || block.caption !== '') continue;
        for (const words of forgeCommands(block)) {
          const id = words.some((word) => word.includes('<experiment>')) ? latest() : '';
          const printed = forge(...words.map((word) => word.replace('<experiment>', id)));
          // A table, a file, a sentence: nothing at all would be a command that did nothing.
          const place = words.findIndex((word) => ['--output', '--file'].includes(word));
          const written = place !== -1 && existsSync(join(dir, words[place + 1] as string));
          expect(printed !== '' || written, words.join(' ')).toBe(true);
        }
      }
    },
    30 * 60_000,
  );
});
