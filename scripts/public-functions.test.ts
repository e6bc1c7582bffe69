import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

describe('public functions', () => {
  const files = execFileSync('git', ['ls-files', 'packages/*.ts'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && !/\.test\.ts$|\/testing\/|\/e2e\//.test(file) && existsSync(join(root, file)));

  /** Exported functions without a comment above them. */
  const undocumented = (text: string): string[] => {
    const lines = text.split('\n');
    return lines.flatMap((line, i) => {
      const found = /^export (?:async )?(function\*?|const) (\w+)/.exec(line);
      const isFunction = found?.[1] !== 'const' || /=>|function/.test(line + (lines[i + 1] ?? ''));
      const above = lines[i - 1]?.trim() ?? '';
      return found?.[2] === undefined || !isFunction || /\*\/$|^\/\//.test(above) ? [] : [found[2]];
    });
  };

  it('are found', () =>
    expect(undocumented('\nexport function a() {}\n/** B. */\nexport const b = () => 1;')).toEqual(['a']));
  it('say what they do', () =>
    expect(
      files.flatMap((file) => undocumented(readFileSync(join(root, file), 'utf8')).map((name) => `${file}: ${name}`)),
    ).toEqual([]));
});
