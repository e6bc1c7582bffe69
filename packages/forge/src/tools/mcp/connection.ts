import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult, Tool as ServerTool } from '@modelcontextprotocol/sdk/types.js';
import { forgeVersion } from '../../lib/installation.ts';

/** Pages of its list that a server is asked for, and tools that are looked at. */
const maxPages = 50;
const maxTools = 1000;

/** A server that answers. */
export interface Connection {
  /** Both as the server calls itself. */
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly ServerTool[];
  alive(): boolean;
  /** Throws McpError, GuardedFetchError, and the caller's abort. */
  call(name: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<CallToolResult>;
  close(): Promise<void>;
}

export interface Limits {
  readonly startMs: number;
  readonly timeoutMs: number;
}

/** An HTTP server that was started anew does not know our session: 404 by the specification, 400 by some. */
const isLostSession = (error: unknown) => [400, 404].includes((error as { code?: number } | null)?.code ?? 0);

/**
 * Speaks with a server of the Model Context Protocol (https://modelcontextprotocol.io/specification). It is offered nothing: no
 * files, no sampling, no questions to the user. Its list of tools is read once.
 */
export async function connect(transport: Transport, { startMs, timeoutMs }: Limits): Promise<Connection> {
  // The library and all that it brings, only for those who use it: it takes 0.2 s to load.
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { CallToolResultSchema, ListToolsResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const client = new Client({ name: 'llm-forge', version: forgeVersion }, { capabilities: {} });
  /** Whether the next call may go this way. */
  let open = true;
  client.onclose = () => {
    open = false;
  };

  // Not client.listTools(): that compiles the schemas of the server's results to code.
  async function listTools(): Promise<ServerTool[]> {
    const tools: ServerTool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < maxPages && tools.length < maxTools; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const listed = await client.request({ method: 'tools/list', params }, ListToolsResultSchema, {
        timeout: startMs,
      });
      tools.push(...listed.tools);
      cursor = listed.nextCursor;
      if (cursor === undefined) break;
    }
    return tools.slice(0, maxTools);
  }

  try {
    await client.connect(transport, { timeout: startMs });
    const { name = '', version = '' } = client.getServerVersion() ?? {};
    return {
      server: { name, version },
      tools: await listTools(),
      alive: () => open,
      async call(tool, input, signal) {
        try {
          const params = { name: tool, arguments: input };
          const options = { signal, timeout: timeoutMs, maxTotalTimeout: timeoutMs };
          return await client.request({ method: 'tools/call', params }, CallToolResultSchema, options);
        } catch (error) {
          // Not closed: calls at the same time may still be answered, and there is no connection that stays open.
          if (isLostSession(error)) open = false;
          throw error;
        }
      },
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
