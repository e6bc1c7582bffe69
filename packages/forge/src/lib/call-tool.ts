import { messageOf } from '../errors.ts';
import type { Observation, Tool } from '../tool.ts';
import { redact } from './redact.ts';

interface Bounds {
  readonly timeoutMs: number;
  /** Of an observation; the rest is cut off. */
  readonly maxChars: number;
  /** Blacked out wherever a tool repeats them. */
  readonly secrets: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What came of a call, and with which arguments (what the model wrote where they could not be read). */
export interface ToolResult {
  readonly arguments: unknown;
  readonly observation: Observation;
}

/** An input that is no JSON object is the text of the tool's first argument. Throws SyntaxError where JSON was begun and not ended. */
function argumentsOf(tool: Tool, input: string): unknown {
  if (/^\{\s*["}]/.test(input)) return JSON.parse(input);
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
  const late = Promise.withResolvers<never>();
  const leave = () => late.reject(both.reason);
  both.addEventListener('abort', leave, { once: true });
  try {
    both.throwIfAborted();
    return await Promise.race([tool.call(input, both), late.promise]);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (timeout.aborted) return { text: `error: no answer within ${timeoutMs / 1000} s`, error: 'timeout' };
    return { text: `error: ${messageOf(error).slice(0, 300)}`, error: 'failed' };
  } finally {
    both.removeEventListener('abort', leave);
  }
}

const cut = (text: string, maxChars: number) => (text.length > maxChars ? `${text.slice(0, maxChars)} ...` : text);

/**
 * Calls a tool as a model asked for it. Whatever goes wrong is an observation that says what and how to do better; only the
 * caller's own abort is thrown.
 */
export async function callTool(
  tools: readonly Tool[],
  asked: { readonly tool: string; readonly input: string },
  bounds: Bounds,
): Promise<ToolResult> {
  const refused = (text: string, error: Observation['error']): ToolResult => ({
    arguments: asked.input,
    observation: { text: cut(text, bounds.maxChars), ...(error === undefined ? {} : { error }) },
  });
  const tool = tools.find(({ name }) => name === asked.tool);
  if (tool === undefined) {
    const known = tools.map(({ name }) => name).join(', ');
    return refused(`error: there is no tool "${cut(asked.tool, 64)}"; there are ${known}`, 'unknown-tool');
  }
  const takes = `${tool.name} takes ${Object.keys(tool.arguments.shape).join(', ') || 'nothing'}`;
  let given: unknown;
  try {
    given = argumentsOf(tool, asked.input);
  } catch {
    return refused(`error: the arguments are not whole JSON; ${takes}`, 'bad-arguments');
  }
  const parsed = tool.arguments.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const problem = `${issue?.path.join('.') || 'input'}: ${issue?.message ?? 'not allowed'}`;
    return refused(`error: ${problem}; ${takes}`, 'bad-arguments');
  }
  const observation = await answered(tool, parsed.data, bounds);
  const text = cut(redact(observation.text, bounds.secrets), bounds.maxChars);
  return { arguments: parsed.data, observation: { ...observation, text } };
}
