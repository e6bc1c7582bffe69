import { isMap, isNode, isPair, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from '../errors.ts';

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

/** Throws ConfigError with file and line where the text is not one YAML document. */
export function parseYamlSource(file: string, text: string): YamlSource {
  if (text.length > maxBytes)
    throw new ConfigError(`${file}: ${text.length} characters; a config may have ${maxBytes}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(`${file}:${line}:${col}: broken YAML: ${problem.message.split('\n')[0]}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }

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
