import { expect, it } from 'vitest';
import { csvOf } from './plot-files.ts';

it('writes rows as CSV that a spreadsheet reads as text and numbers', () => {
  const rows: Parameters<typeof csvOf>[0] = [
    { run: 'a, "b"', value: -0.5 },
    { run: '=1+1', value: null, more: 'two\nlines' },
  ];
  expect(csvOf(rows)).toBe('run,value,more\n"a, ""b""",-0.5,\n\'=1+1,,"two\nlines"\n');
});
