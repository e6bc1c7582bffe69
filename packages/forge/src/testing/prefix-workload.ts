import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';
import type { Generation } from '../engine.ts';
import { createPrefixTree } from '../engines/llama-cpp/prefix-tree.ts';
import { createRandom, shuffled } from '../lib/random.ts';

const shots = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} has ${i + 10} books and ${7 * i} stones. `).join('');
const question = (n: number) =>
  `\nQuestion: Vera has ${20 + n} stones. Vera sells ${n % 9}. How many stones does Vera have now?\nAnswer:`;
const names = ['Hugo', 'Ida', 'Otto', 'Lena', 'Paul', 'Emma', 'Karl', 'Rosa', 'Emil', 'Nora', 'Fritz', 'Clara'];

/** 64 prompts that share their first 1,000 tokens (of the lab model) and differ in a question. */
export const sharedPrefixPrompts = (): string[] => {
  const prefix = shots('Hugo', 80);
  return Array.from({ length: 64 }, (_, i) => prefix + question(i));
};

/** 96 prompts in random order: an instruction, 12 sets of few-shot examples (more than there are sequences), 8 questions for each set. */
export function fewShotTreePrompts(): string[] {
  const instruction = 'Answer the question. '.repeat(20);
  const prompts = names.flatMap((name) =>
    Array.from({ length: 8 }, (_, i) => instruction + shots(name, 30) + question(i)),
  );
  return shuffled(prompts, createRandom('few-shot tree'));
}

/** How many tokens the prompts have that are distinct, as a tree of their prefixes counts them: what a perfect cache prefills. */
export async function distinctTokens(modelPath: string, prompts: readonly string[]): Promise<number> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath, vocabOnly: true });
  const tree = createPrefixTree<number>();
  const { bos, shouldPrependBosToken } = model.tokens;
  for (const [i, prompt] of prompts.entries()) {
    const tokens: Token[] = shouldPrependBosToken && bos !== null ? [bos] : [];
    tree.insert([...tokens, ...model.tokenize(prompt)], i);
  }
  await model.dispose();
  return tree.tokenCount();
}

export const prefilledTokens = (generations: readonly Generation[]): number =>
  generations.reduce((sum, { usage }) => sum + usage.promptTokens - usage.cachedPromptTokens, 0);
