import { isMap, isNode, isPair, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from '../errors.ts';
import { faultOf, maxDepth } from './plain-value.ts';

export type KeyPath = readonly (string | number)[];

/** A YAML text with its value and the line of every key. */
export interface YamlSource {
  readonly value: unknown;
  /** `file.yaml:12` for the deepest part of the path that the text has. */
  where(path: KeyPath): string;
  /** True where the text has this very path. */
  has(path: KeyPath): boolean;
}

/** A config is written by hand: far below this. Bounds what a hostile file can cost, with the alias limit below. */
const maxBytes = 1_000_000;
const maxAliases = 100;

/**
 * How deep the text nests at most, counted on its tokens in one pass. The parser calls itself for each level, and V8 ends the
 * whole process where a regular expression is first used at the end of the stack: it must never get that far.
 */
function depthOf(text: string): number {
  let deepest = 0;
  let flow = 0;
  let onLine = 0;
  let column = 0;
  const indents: number[] = [];
  for (const token of new Lexer().lex(text)) {
    if (token === '\n' || token === '\r\n') {
      onLine = 0;
      column = 0;
    } else if (/^[ \t]+$/.test(token)) {
      column += token.length;
    } else {
      if (onLine === 0) {
        while ((indents.at(-1) ?? -1) >= column) indents.pop();
        indents.push(column);
      }
      if (token === '[' || token === '{') flow++;
      else if (token === ']' || token === '}') flow--;
      onLine += token === '-' || token === '?' || onLine === 0 ? 1 : 0;
      deepest = Math.max(deepest, flow + onLine + indents.length);
    }
  }
  return deepest;
}

/** The first key that its map has twice. */
function repeatedKey(contents: unknown): Node | undefined {
  const open: unknown[] = [contents];
  while (open.length > 0) {
    const node = open.pop();
    if (isSeq(node)) for (const item of node.items) open.push(item);
    if (!isMap(node)) continue;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      if (isScalar(key)) {
        if (seen.has(String(key.value))) return key;
        seen.add(String(key.value));
      }
      open.push(key, value);
    }
  }
  return undefined;
}

/** Throws ConfigError with file and line where the text is not one YAML document. */
export function parseYamlSource(file: string, text: string): YamlSource {
  if (text.length > maxBytes)
    throw new ConfigError(`${file}: ${text.length} characters; a config may have ${maxBytes}`);
  if (depthOf(text) > 2 * maxDepth) throw new ConfigError(`${file}: nested more than ${maxDepth} deep`);
  const lines = new LineCounter();
  // Keys are compared below: the parser compares each with all before it, hours for a hostile file.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(`${file}:${line}:${col}: broken YAML: ${problem.message.split('\n')[0]}`);
  }
  const repeated = repeatedKey(document.contents);
  if (repeated?.range != null) {
    const { line, col } = lines.linePos(repeated.range[0]);
    throw new ConfigError(`${file}:${line}:${col}: broken YAML: Map keys must be unique`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
  const fault = faultOf(value);
  if (fault !== undefined) throw new ConfigError(`${file}: ${fault}`);

  /** The node at a path (the key's node for a map entry, so that its line is the key's). */
  function find(path: KeyPath): { node: Node | null; depth: number } {
    let current: unknown = document.contents;
    let found: Node | null = isNode(current) ? current : null;
    for (const [depth, part] of path.entries()) {
      if (isMap(current)) {
        const pair = current.items.find((item) => isPair(item) && String(item.key) === String(part));
        if (pair === undefined) return { node: found, depth };
        found = isNode(pair.key) ? pair.key : found;
        current = pair.value;
      } else if (isSeq(current)) {
        const item = current.items[Number(part)];
        if (item === undefined) return { node: found, depth };
        found = isNode(item) ? item : found;
        current = item;
      } else return { node: found, depth };
    }
    return { node: found, depth: path.length };
  }

  return {
    value,
    where(path) {
      const offset = find(path).node?.range?.[0];
      return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`;
    },
    has: (path) => find(path).depth === path.length,
  };
}
