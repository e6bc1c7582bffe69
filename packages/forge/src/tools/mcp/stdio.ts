import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { endWithParent } from '../../lib/end-with-parent.ts';

const stderrTailChars = 2000;
/** Of one message of the server; a longer one ends it. */
const maxMessageBytes = 16_777_216;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A server as a process of ours that speaks over its standard input and output. It ends with us. */
export async function stdioTransport({ command, args, folder, variables }: Program) {
  const { DEFAULT_INHERITED_ENV_VARS, StdioClientTransport } = await import(
    '@modelcontextprotocol/sdk/client/stdio.js'
  );
  // The library adds HOME, USER and the like of our own process; a variable that is undefined is left out. Windows needs them to start anything.
  const none = process.platform === 'win32' ? [] : DEFAULT_INHERITED_ENV_VARS.map((name) => [name, undefined]);
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    cwd: folder,
    env: { ...(Object.fromEntries(none) as Record<string, string>), ...variables },
    stderr: 'pipe',
    maxBufferSize: maxMessageBytes,
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-stderrTailChars);
  });
  const start = transport.start.bind(transport);
  transport.start = async () => {
    await start();
    if (transport.pid === null) return;
    const release = endWithParent(transport.pid);
    const { onclose } = transport;
    transport.onclose = () => {
      release();
      onclose?.();
    };
  };
  return { transport: transport as Transport, said: () => stderr.trim() };
}
