import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import { messageOf } from '../../errors.ts';
import { GuardedFetchError } from '../../lib/guarded-fetch.ts';
import { oneLine, visibleText } from '../../lib/untrusted-text.ts';
import type { Observation } from '../../tool.ts';

/** Codes of JSON-RPC and of the protocol's library. */
const connectionClosed = -32000;
const requestTimeout = -32001;
const invalidParams = -32602;

function sizeOf(base64: string): string {
  const bytes = Math.floor(base64.length * 0.75);
  return bytes < 1000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`;
}

function textOf(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type} ${oneLine(block.mimeType, 50)}, ${sizeOf(block.data)}]`;
    case 'resource_link':
      return `[link ${oneLine(block.name, 200)}: ${oneLine(block.uri, 500)}]`;
    case 'resource':
      if ('text' in block.resource) return block.resource.text;
      return `[resource ${oneLine(block.resource.uri, 500)}, ${sizeOf(block.resource.blob)}]`;
  }
}

/** What a server answered as text; what is no text is named. */
export function observationOf(result: CallToolResult, maxChars: number): Observation {
  const { content, structuredContent, isError } = result;
  const text =
    content.length === 0 && structuredContent !== undefined
      ? JSON.stringify(structuredContent)
      : content.map(textOf).join('\n');
  const shown = visibleText(text, maxChars);
  return isError === true ? { text: `error: ${shown}`, error: 'failed' } : { text: shown };
}

/** Why there is no answer, as an observation. */
export function failureOf(error: unknown, timeoutSeconds: number): Observation {
  if (error instanceof GuardedFetchError) return { text: `error: ${error.message}`, error: error.kind };
  const { code } = error as { code?: unknown };
  if (code === requestTimeout) return { text: `error: no answer within ${timeoutSeconds} s`, error: 'timeout' };
  if (code === connectionClosed)
    return { text: 'error: the server of this tool ended before it answered; it is started again', error: 'failed' };
  const text = `error: ${oneLine(messageOf(error), 500)}`;
  return { text, error: code === invalidParams ? 'bad-arguments' : 'failed' };
}
