// The process of one tool file: loads it, runs its calls, and ends with its parent. Speaks over file descriptor 3, so that what
// the file prints is not mixed in. Its rights are those that process.ts starts it with.
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';
import { denyNetwork } from './network-guard.ts';
import type { ToolAnswer, ToolRequest } from './protocol.ts';

/** A tool as its author writes it. */
interface WrittenTool {
  readonly name: string;
  readonly description: string;
  readonly arguments?: unknown;
  call(input: unknown, context: { signal: AbortSignal }): unknown;
}

const channel = new Socket({ fd: 3, readable: true, writable: true });
const send = (answer: ToolAnswer) => channel.write(`${JSON.stringify(answer)}\n`);
const tools = new Map<string, WrittenTool>();
const running = new Map<number, AbortController>();

const isZod = (schema: unknown): schema is z.ZodType =>
  schema !== null && typeof schema === 'object' && '_zod' in schema;

function jsonSchemaOf(tool: WrittenTool): unknown {
  if (tool.arguments === undefined) return { type: 'object', properties: {} };
  if (isZod(tool.arguments)) return z.toJSONSchema(tool.arguments, { io: 'input', unrepresentable: 'any' });
  return tool.arguments;
}

function checkTool(value: unknown): WrittenTool {
  const tool = (value ?? {}) as Partial<Record<keyof WrittenTool, unknown>>;
  const name = typeof tool.name === 'string' ? tool.name : '';
  if (!/^[A-Za-z][\w-]{0,63}$/.test(name))
    throw new Error(`name: "${name}" is none; a letter, then up to 63 letters, digits, dashes and underscores`);
  if (typeof tool.description !== 'string' || tool.description.trim() === '')
    throw new Error(`${name}: description is missing; say for the model what the tool is for and what comes back`);
  if (typeof tool.call !== 'function') throw new Error(`${name}: call is missing; write call(input) { return text }`);
  if (tool.arguments !== undefined && (tool.arguments === null || typeof tool.arguments !== 'object'))
    throw new Error(`${name}: arguments is neither a zod schema nor a JSON Schema; write z.object({ ... })`);
  return value as WrittenTool;
}

/** `default`, `tool` or `tools`; each one tool or a list of them. */
function exportedTools(module: Record<string, unknown>): WrittenTool[] {
  const found = [module.default, module.tool, module.tools].flat().filter((value) => value !== undefined);
  if (found.length === 0)
    throw new Error('exports no tool; write: export default { name, description, arguments, call }');
  return [...new Set(found)].map(checkTool);
}

async function load(file: string): Promise<void> {
  const files: string[] = [];
  registerHooks({
    // A project without packages of its own may still describe its arguments with zod.
    resolve(specifier, context, next) {
      if (specifier !== 'zod') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
    load(url, context, next) {
      if (url.startsWith('file:')) files.push(url);
      // The file imports and exports, also where package.json says commonjs, as `npm init` writes it.
      const format = url.endsWith('.ts') ? 'module-typescript' : context.format;
      return next(url, { ...context, format });
    },
  });
  const found = exportedTools(await import(pathToFileURL(file).href));
  for (const tool of found) {
    if (tools.has(tool.name)) throw new Error(`two tools are called "${tool.name}"; rename one`);
    tools.set(tool.name, tool);
  }
  const described = found.map((tool) => ({
    name: tool.name,
    description: tool.description,
    schema: jsonSchemaOf(tool),
  }));
  send({ type: 'loaded', tools: described, files });
}

async function call({ id, tool: name, input, max }: Extract<ToolRequest, { type: 'call' }>): Promise<void> {
  const done = (text: string, error?: 'bad-arguments' | 'failed') =>
    send({ type: 'done', id, text: text.slice(0, max + 1), ...(error === undefined ? {} : { error }) });
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const tool = tools.get(name) as WrittenTool;
    const parsed = isZod(tool.arguments)
      ? await z.safeParseAsync(tool.arguments, input)
      : { success: true as const, data: input };
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return void done(`error: ${issue?.path.join('.') || 'input'}: ${issue?.message}`, 'bad-arguments');
    }
    const result = await tool.call(parsed.data, { signal: controller.signal });
    done(typeof result === 'string' ? result : (JSON.stringify(result) ?? ''));
  } catch (error) {
    done(`error: ${messageOf(error)}`, 'failed');
  } finally {
    running.delete(id);
  }
}

if (process.argv.includes('--no-network')) denyNetwork();

createInterface({ input: channel }).on('line', (line) => {
  const request = JSON.parse(line) as ToolRequest;
  if (request.type === 'load')
    load(request.file).catch((error) => send({ type: 'load-failed', reason: messageOf(error) }));
  else if (request.type === 'call') call(request);
  else running.get(request.id)?.abort();
});

// A Ctrl-C in the terminal is for the parent, which ends its runs in order.
process.on('SIGINT', () => {});
channel.on('close', () => process.kill(process.pid, 'SIGKILL'));
