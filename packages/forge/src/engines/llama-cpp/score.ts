import type { ControlledEvaluateInputItem, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import type { TokenLogprobs } from '../../engine.ts';
import { EngineError } from '../../errors.ts';

/**
 * Log-probabilities of the tokens that `whole` has beyond `prompt` (tokenised together, as lm-evaluation-harness does).
 * log p = logit - max logit - ln(sum exp(logit - max logit)).
 */
export async function scoreContinuation(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  prompt: readonly Token[],
  whole: readonly Token[],
): Promise<TokenLogprobs> {
  let start = 0;
  while (start < prompt.length && prompt[start] === whole[start]) start++;
  // A token that spans the border belongs to the continuation; the first token of all has nothing before it.
  start = Math.max(1, start);
  if (whole.length > sequence.contextSize) {
    throw new EngineError(
      'context-overflow',
      `prompt and continuation have ${whole.length} tokens, the context ${sequence.contextSize}: raise contextSize`,
    );
  }
  const input = whole.slice(0, -1).map((token, i): ControlledEvaluateInputItem => {
    const next = whole[i + 1];
    if (i + 1 < start || next === undefined) return token;
    // includeMax is inverted in node-llama-cpp 3.22.1 (it gives the smallest logit): the top one is the maximum.
    return [token, { generateNext: { logits: { filter: { tokens: [next], includeTop: 1 } }, totalLogitWeight: true } }];
  });
  const outputs = input.length === 0 ? [] : await sequence.controlledEvaluate(input);
  const logprobs = whole.slice(start).map((token, i) => {
    const { logits, totalLogitWeight } = outputs[start + i - 1]?.next ?? {};
    const logit = logits?.get(token);
    if (logits === undefined || logit === undefined || totalLogitWeight === undefined)
      throw new EngineError('bad-response', 'the model gave no logits for a token');
    return logit - Math.max(...logits.values()) - Math.log(totalLogitWeight);
  });
  const tokens = whole.slice(start).map((token) => model.detokenize([token], true));
  return { tokens, logprobs, total: logprobs.reduce((a, b) => a + b, 0) };
}
