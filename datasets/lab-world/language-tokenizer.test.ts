import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { languageTokenizer } from './language-tokenizer.ts';
import { createWorld } from './world.ts';

it('is the tokenizer of the bundled model', async () => {
  // Its ids are places in the list of what was merged: another list, and the weights mean nothing.
  const bundled = fileURLToPath(new URL('../../models/lab/tokenizer.json', import.meta.url));
  expect(languageTokenizer(createWorld())).toEqual(JSON.parse(await readFile(bundled, 'utf8')));
});
