import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { modelSums } from './model-sums.ts';

it('models/sha256sums.txt is of the models as they are: write it anew with `npm run generate`', async () => {
  expect(await readFile(new URL('../models/sha256sums.txt', import.meta.url), 'utf8')).toBe(await modelSums());
});
