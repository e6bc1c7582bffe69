import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { encoderTokenizer } from './encoder-tokenizer.ts';

const encoders = fileURLToPath(new URL('../../models/lab-encoders', import.meta.url));

test.each(['embedder', 'cross-encoder', 'nli'])(
  'the tokenizer of the bundled %s is that of this world',
  async (name) => {
    // Its ids are places in the world's list of words: another list, and the weights mean nothing.
    expect(encoderTokenizer()).toEqual(JSON.parse(await readFile(`${encoders}/${name}/tokenizer.json`, 'utf8')));
  },
);
