import type { Tool as ServerTool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { createGuardedFetch } from '../lib/guarded-fetch.ts';
import { hostPattern } from '../lib/host-pattern.ts';
import { argumentsFromJsonSchema, describeArguments } from '../lib/json-schema-arguments.ts';
import { reaching } from '../lib/option-reach.ts';
import { passedEnvironment } from '../lib/passed-environment.ts';
import { redact } from '../lib/redact.ts';
import { oneLine } from '../lib/untrusted-text.ts';
import type { Tool, ToolParts, ToolSet } from '../tool.ts';
import { type Connection, connect } from './mcp/connection.ts';
import { httpTransport } from './mcp/http.ts';
import { failureOf, observationOf } from './mcp/observation.ts';
import { stdioTransport } from './mcp/stdio.ts';

/** Descriptions are read by the model at every step, whoever wrote them. */
const maxDescriptionChars = 1000;
const maxTools = 128;
const maxBytes = 16_777_216;
const maxRedirects = 3;

const variable = z.string().regex(/^[A-Za-z_]\w*$/, 'a name of a variable');
const seconds = z.number().gt(0).max(3600);

const options = z.strictObject({
  command: reaching('program', z.string().min(1))
    .optional()
    .describe('Program that is the server, e.g. npx. It runs with all your rights. Either this or url.'),
  args: z
    .array(z.string())
    .max(100)
    .default([])
    .describe('Its arguments. They are stored with the experiment: no secrets here.'),
  url: reaching('address', z.url({ protocol: /^https?$/ }))
    .optional()
    .describe('Address of a server that speaks streamable HTTP, e.g. https://example.org/mcp.'),
  allow: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(maxTools)
    .optional()
    .describe('Names, as the server has them, of the tools that the model may use. All when left out.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z][\w-]{0,31}$/)
    .optional()
    .describe('Put before each name, where another tool has it already, e.g. files_.'),
  env: reaching('variable', z.array(variable))
    .max(50)
    .default([])
    .describe(
      'Names of the environment variables that the program gets besides PATH; no observation shows their values.',
    ),
  headersEnv: reaching('variable', z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'a name of a header'), variable))
    .default({})
    .describe('With url: header name to the environment variable that holds its value, e.g. authorization: MY_TOKEN.'),
  allowedHosts: z
    .array(z.string().min(1).max(300))
    .min(1)
    .max(50)
    .optional()
    .describe('With url: hosts that may be spoken to, also by a redirect. The host of url when left out.'),
  allowPrivate: z
    .boolean()
    .default(false)
    .describe('With url: whether these hosts may be on this machine or in a private network.'),
  timeoutSeconds: seconds.default(20).describe('Time of one call.'),
  startSeconds: seconds.default(60).describe('Time until the server has said what tools it has.'),
  maxOutputChars: z.int().min(20).max(1_000_000).default(4000).describe('Characters of one observation at most.'),
});

type Options = z.infer<typeof options>;

interface Reach {
  readonly secrets: readonly string[];
  connect(): Promise<Connection>;
}

const limitsOf = ({ startSeconds, timeoutSeconds }: Options) => ({
  startMs: startSeconds * 1000,
  timeoutMs: timeoutSeconds * 1000,
});

/** What was thrown, and what the server said about it, for people. */
function cannotStart(server: string, error: unknown, said: string, secrets: readonly string[]): ConfigError {
  const lines = [messageOf(error), ...(said === '' ? [] : [`it said: ${said.slice(-500)}`])];
  return new ConfigError(`${server} cannot be used: ${redact(oneLine(lines.join('; '), 1000), secrets)}`);
}

function reachProgram(command: string, given: Options, parts: ToolParts): Reach {
  if (parts.allowPrograms !== true)
    throw new ConfigError(
      `command: "${command}" is not started, as experiments come to this server over its API; use url, or forge run, or start the server with --allow-programs`,
    );
  const { variables, secrets } = passedEnvironment(given.env, parts.env);
  const path = parts.env.PATH === undefined ? {} : { PATH: parts.env.PATH };
  const program = { command, args: given.args, folder: parts.baseDir, variables: { ...path, ...variables } };
  return {
    secrets,
    async connect() {
      const { transport, said } = await stdioTransport(program);
      return connect(transport, limitsOf(given)).catch((error) => {
        throw cannotStart(`command: "${command}"`, error, said(), secrets);
      });
    },
  };
}

/** Headers whose values the environment has. Throws ConfigError where a variable is not set or holds what no header may. */
function secretHeaders(headersEnv: Options['headersEnv'], env: ToolParts['env']) {
  const headers: Record<string, string> = {};
  for (const [name, from] of Object.entries(headersEnv)) {
    const value = env[from]?.trim() ?? '';
    if (!/^[\x20-\x7e]+$/.test(value))
      throw new ConfigError(
        `headersEnv.${name}: the environment variable ${from} is not set, or has characters that no header may have; set it`,
      );
    headers[name] = value;
  }
  // "Bearer abc": the server may repeat abc alone.
  const words = Object.values(headers).flatMap((value) => value.split(' ').filter((word) => word.length >= 8));
  return { headers, secrets: [...new Set([...Object.values(headers), ...words])] };
}

function reachAddress(url: string, given: Options, parts: ToolParts): Reach {
  const { host } = new URL(url);
  const { allowedHosts = [host], allowPrivate, startSeconds, timeoutSeconds } = given;
  if (!allowedHosts.some((pattern) => hostPattern(pattern, 'allowedHosts')(new URL(url))))
    throw new ConfigError(
      `allowedHosts: ${allowedHosts.join(', ')} does not hold "${host}", the host of url; add it, or leave allowedHosts out`,
    );
  const { headers, secrets } = secretHeaders(given.headersEnv, parts.env);
  const timeoutMs = 1000 * Math.max(startSeconds, timeoutSeconds);
  const guarded = createGuardedFetch({
    allowedHosts,
    allowPrivate,
    privateHosts: parts.limits?.privateHosts,
    maxBytes,
    timeoutMs,
    maxRedirects,
  });
  return {
    secrets,
    async connect() {
      const { transport, said } = await httpTransport(url, headers, guarded);
      return connect(transport, limitsOf(given)).catch((error) => {
        throw cannotStart(`url: "${url}"`, error, said(), secrets);
      });
    },
  };
}

function reach(given: Options, parts: ToolParts): Reach {
  const { command, url } = given;
  if (command !== undefined && url === undefined) return reachProgram(command, given, parts);
  if (url !== undefined && command === undefined) return reachAddress(url, given, parts);
  throw new ConfigError('give either command (a program that is the server) or url (a server that runs somewhere)');
}

/** A name that can stand in a step of an agent. */
function safeName(name: string, prefix: string): string {
  const safe = `${prefix}${name}`.replace(/[^\w-]/g, '_').slice(0, 64);
  return /^[A-Za-z]/.test(safe) ? safe : `t_${safe}`.slice(0, 64);
}

const list = (names: readonly string[]) => oneLine(names.join(', '), 500) || 'none';

/** Those that may be used. Throws ConfigError where one is missing, there are too many, or two have one name. */
function allowedTools(tools: readonly ServerTool[], { allow, prefix = '' }: Options): Map<string, ServerTool> {
  const missing = allow?.find((name) => tools.every((tool) => tool.name !== name));
  if (missing !== undefined)
    throw new ConfigError(`allow: the server has no tool "${missing}"; it has ${list(tools.map(({ name }) => name))}`);
  const chosen = tools.filter(({ name }) => allow?.includes(name) ?? true);
  if (chosen.length === 0 || chosen.length > maxTools)
    throw new ConfigError(`the server has ${chosen.length} tools; name 1 to ${maxTools} of them in allow`);
  const named = new Map<string, ServerTool>();
  for (const tool of chosen) {
    const name = safeName(tool.name, prefix);
    const other = named.get(name);
    if (other !== undefined)
      throw new ConfigError(
        `allow: "${oneLine(other.name, 80)}" and "${oneLine(tool.name, 80)}" both become ${name}; leave one out`,
      );
    named.set(name, tool);
  }
  return named;
}

/** A server that is there: connected again at the next call where it has gone. */
function keepConnected(first: Connection, connectAgain: () => Promise<Connection>) {
  let current = first;
  let connecting: Promise<Connection> | undefined;
  let closed = false;

  async function again(): Promise<Connection> {
    const next = await connectAgain();
    if (closed) await next.close();
    current = next;
    return next;
  }

  return {
    async living(): Promise<Connection> {
      if (closed) throw new Error('the server was closed');
      if (current.alive()) return current;
      connecting ??= again().finally(() => {
        connecting = undefined;
      });
      return connecting;
    },
    async close(): Promise<void> {
      closed = true;
      await connecting?.catch(() => {});
      await current.close();
    },
  };
}

/** Of all that a server says about itself and its tools. */
const identityOf = ({ server }: Connection, tools: ReadonlyMap<string, ServerTool>) =>
  contentHash({
    server,
    tools: [...tools].map(([as, { name, description, inputSchema }]) => ({ as, name, description, inputSchema })),
  });

/** The tools of any server of the Model Context Protocol. What it says is not trusted; what its program may do is not limited here. */
export const definition: Definition<ToolSet, ToolParts, typeof options> = {
  name: 'mcp',
  summary: 'Tools of a server of the Model Context Protocol: a program, or an address.',
  options,
  async create(given, parts) {
    const server = reach(given, parts);
    const first = await server.connect();
    try {
      const tools = allowedTools(first.tools, given);
      const identity = identityOf(first, tools);
      const connection = keepConnected(first, async () => {
        const next = await server.connect();
        if (identityOf(next, allowedTools(next.tools, given)) === identity) return next;
        await next.close();
        throw new Error('the server came back with other tools than it had; start the run again');
      });
      return {
        fingerprint: `mcp 1 ${contentHash({ identity, given })}`,
        secrets: server.secrets,
        tools: [...tools].map(([name, { name: asked, description = '', inputSchema }]): Tool => {
          const described = argumentsFromJsonSchema(inputSchema);
          return {
            name,
            description: `${oneLine(description, maxDescriptionChars)} ${describeArguments(described)}`.trim(),
            arguments: described,
            async call(input, signal) {
              try {
                const result = await (await connection.living()).call(asked, input, signal);
                return observationOf(result, given.maxOutputChars);
              } catch (error) {
                signal.throwIfAborted();
                return failureOf(error, given.timeoutSeconds);
              }
            },
          };
        }),
        close: connection.close,
      };
    } catch (error) {
      await first.close();
      throw error;
    }
  },
};
