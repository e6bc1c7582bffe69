/** The lab model through llama.cpp, one sequence, batch size 1, greedy: what the model card's figures are measured with. */
import { getLlama, type Token } from 'node-llama-cpp';

export interface GreedyModel {
  /** The text that follows the prompt, up to the end token, a stop string or `maxTokens`. */
  complete(prompt: string, stops?: readonly string[], maxTokens?: number): Promise<string>;
  close(): Promise<void>;
}

export async function loadGreedyModel(modelPath: string, threads = 1): Promise<GreedyModel> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: 0,
    logLevel: 'error' as never,
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 1024, sequences: 1, threads });
  const sequence = context.getSequence();
  const begin = model.tokens.bos as Token;
  return {
    async complete(prompt, stops = ['\nObservation:'], maxTokens = 120) {
      await sequence.clearHistory();
      const written: Token[] = [];
      for await (const token of sequence.evaluate([begin, ...model.tokenize(prompt)], { temperature: 0 })) {
        if (model.isEogToken(token)) break;
        written.push(token);
        const text = model.detokenize(written);
        if (written.length >= maxTokens || stops.some((stop) => text.endsWith(stop))) break;
      }
      return model.detokenize(written);
    },
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
