import { messageOf } from '../errors.ts';
import type { Observation, Tool } from '../tool.ts';

interface Bounds {
  readonly timeoutMs: number;
  /** Of an observation; the rest is cut off. */
  readonly maxChars: number;
  readonly signal?: AbortSignal | undefined;
}

/** An input that is no JSON object is the text of the tool's first argument. */
function argumentsOf(tool: Tool, input: string): unknown {
  if (input.startsWith('{')) {
    try {
      return JSON.parse(input);
    } catch {
      // Braces may belong to the text itself.
    }
  }
  const [first] = Object.keys(tool.arguments.shape);
  return first === undefined || input === '' ? {} : { [first]: input };
}

/** The tool's answer, or `failed` and `timeout`; a tool that does not listen to its signal is not waited for. */
async function answered(
  tool: Tool,
  input: Record<string, unknown>,
  { timeoutMs, signal }: Bounds,
): Promise<Observation> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  const late = new Promise<never>((_, reject) => {
    both.addEventListener('abort', () => reject(both.reason), { once: true });
  });
  try {
    return await Promise.race([tool.call(input, both), late]);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (timeout.aborted) return { text: `error: no answer within ${timeoutMs / 1000} s`, error: 'timeout' };
    return { text: `error: ${messageOf(error).slice(0, 300)}`, error: 'failed' };
  }
}

/**
 * Calls a tool as a model asked for it. Whatever goes wrong is an observation that says what and how to do better; only the
 * caller's own abort is thrown.
 */
export async function callTool(
  tools: readonly Tool[],
  asked: { readonly tool: string; readonly input: string },
  bounds: Bounds,
): Promise<{ observation: Observation }> {
  const tool = tools.find(({ name }) => name === asked.tool);
  if (tool === undefined) {
    const known = tools.map(({ name }) => name).join(', ');
    return {
      observation: { text: `error: there is no tool "${asked.tool}"; there are ${known}`, error: 'unknown-tool' },
    };
  }
  const parsed = tool.arguments.safeParse(argumentsOf(tool, asked.input));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const text = `error: ${issue?.path.join('.') || 'input'}: ${issue?.message ?? 'not allowed'}`;
    return { observation: { text, error: 'bad-arguments' } };
  }
  const { text, error } = await answered(tool, parsed.data, bounds);
  const cut = text.length > bounds.maxChars ? `${text.slice(0, bounds.maxChars)} ...` : text;
  return { observation: { text: cut, ...(error === undefined ? {} : { error }) } };
}
