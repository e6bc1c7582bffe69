/**
 * Writes tokenizer.json of this folder, before a training from random weights: `node models/lab/tokenizer.ts`. Where the words of the world have
 * changed, their ids have, and the weights of before mean nothing.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { languageTokenizer } from '../../datasets/lab-world/language-tokenizer.ts';
import { createWorld } from '../../datasets/lab-world/world.ts';

const tokenizer = languageTokenizer(createWorld());
writeFileSync(join(import.meta.dirname, 'tokenizer.json'), `${JSON.stringify(tokenizer, null, 2)}\n`);
console.log(`${Object.keys(tokenizer.model.vocab).length} tokens: the vocab_size that config.json must say`);
