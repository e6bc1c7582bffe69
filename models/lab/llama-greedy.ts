/** The lab model through llama.cpp, one sequence, batch size 1, greedy: what the model card's figures are measured with. */
import { getLlama, type Token } from 'node-llama-cpp';

export interface GreedyModel {
  /** The text that follows the prompt, up to the end token, a stop string or `maxTokens`. */
  complete(prompt: string, stops?: readonly string[], maxTokens?: number): Promise<string>;
  /** Negative log-likelihood of a continuation, summed over its tokens, in nats; and the number of tokens. */
  negativeLogLikelihood(prompt: string, continuation: string): Promise<{ sum: number; tokens: number }>;
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
    async negativeLogLikelihood(prompt, continuation) {
      await sequence.clearHistory();
      const before = [begin, ...model.tokenize(prompt)];
      const after = model.tokenize(continuation);
      const options = { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } };
      const input = [...before, ...after].map((token, index) =>
        index < before.length - 1 ? token : ([token, options] as [Token, typeof options]),
      );
      const output = await sequence.controlledEvaluate(input.slice(0, -1));
      const sum = after.reduce(
        (total, token, index) =>
          total - Math.log(output[before.length - 1 + index]?.next.probabilities?.get(token) ?? 0),
        0,
      );
      return { sum, tokens: after.length };
    },
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
