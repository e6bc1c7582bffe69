import type { ChatMessage, Conversation, GenerateRequest } from '../../engine.ts';
import { ConfigError } from '../../errors.ts';
import type { Options } from './options.ts';

/** OpenAI refuses more stop strings; the answer is cut at the others after it came. */
const maxStandardStops = 4;

function messageBody(message: ChatMessage): Record<string, unknown> {
  if (message.role === 'user') return { role: 'user', content: message.content };
  if (message.role === 'tool') return { role: 'tool', tool_call_id: message.toolCallId, content: message.content };
  const calls = message.toolCalls.map(({ id, name, arguments: given }) => ({
    id,
    type: 'function',
    function: { name, arguments: given },
  }));
  // OpenAI refuses an empty list, and wants null where there is no text beside a call.
  if (calls.length === 0) return { role: 'assistant', content: message.content };
  return { role: 'assistant', content: message.content === '' ? null : message.content, tool_calls: calls };
}

const conversationBody = ({ messages, tools }: Conversation) => ({
  messages: messages.map(messageBody),
  ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
});

/** The JSON to send for one request; `model` as the server knows it, which may be an adapter's name. Throws ConfigError where a sampling setting has no field to go into. */
export function requestBody(
  request: GenerateRequest,
  model: string,
  { api, stream, maxTokensField, extraBody }: Options,
  samplingFields: 'extended' | 'standard',
): string {
  const { prompt, promptTokens, conversation, temperature, topP, topK, maxTokens, stop, seed } = request;
  const standard = samplingFields === 'standard';
  if (standard && topK > 0) {
    throw new ConfigError(
      `sampling.topK: ${topK} cannot be sent with samplingFields: standard; use topK: 0 or samplingFields: extended`,
    );
  }
  const stops = standard ? stop.slice(0, maxStandardStops) : stop;
  const body: Record<string, unknown> = {
    model,
    ...(api === 'chat'
      ? conversationBody(conversation ?? { messages: [{ role: 'user', content: prompt }], tools: [] })
      : { prompt: promptTokens ?? prompt }),
    temperature,
    top_p: topP,
    [maxTokensField]: maxTokens,
    seed,
    ...(stops.length > 0 ? { stop: stops } : {}),
    // Said outright, because a server takes what is left unsaid from the model's generation_config or its own flags.
    // -1 switches top_k off for all of vLLM, SGLang and llama-server; 0 does not for SGLang.
    ...(standard ? {} : { top_k: topK > 0 ? topK : -1, min_p: 0, repetition_penalty: 1 }),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    // vLLM and forge serve-model then tell the tokens of each piece; other servers do not know the field.
    ...((request.tokenIds || (stream && request.tokenTimes)) && !standard ? { return_token_ids: true } : {}),
    ...extraBody,
  };
  for (const [field, value] of Object.entries(extraBody)) if (value === null) delete body[field];
  return JSON.stringify(body);
}
