import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** Reads and edits a YAML file as text: comments, order and the spacing of other lines stay as they are. */

export type Path = readonly (string | number)[];
export type Settings = Readonly<Record<string, unknown>>;

export type ReadDocument =
  | { readonly ok: true; readonly value: Settings }
  | { readonly ok: false; readonly message: string; readonly line: number | null };

const topOrder = [
  'version',
  'name',
  'description',
  'dataset',
  'sample',
  'sampleSeed',
  'engine',
  'sampling',
  'seed',
  'metrics',
  'method',
  'variants',
  'matrix',
  'compare',
  'pricing',
  'cache',
];
/** A value as an object; an empty one where it is none. */
export function asSettings(value: unknown): Settings {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Settings) : {};
}

/** The value at a path; undefined where there is none. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (current, part) => (current as Record<string | number, unknown> | null | undefined)?.[part],
    value,
  );

/** Parses YAML; broken text gives an error with its place instead of settings. */
export function readDocument(source: string): ReadDocument {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const error = document.errors[0];
  if (error !== undefined) {
    const message = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML';
    return { ok: false, message, line: lines.linePos(error.pos[0]).line };
  }
  if (document.contents === null) return { ok: true, value: {} };
  if (!isMap(document.contents)) return { ok: false, message: 'must be keys with values', line: 1 };
  try {
    return { ok: true, value: asSettings(document.toJS()) };
  } catch (problem) {
    return { ok: false, message: problem instanceof Error ? problem.message : String(problem), line: null };
  }
}

/** `{ a: 1 }` and `[a, b]`: the library knows only one padding for both. */
function render(document: Document): string {
  const padded = (node: YAMLMap | YAMLSeq, flowCollectionPadding: string) => {
    const prototype = Object.getPrototypeOf(node) as typeof node;
    node.toString = (context, ...rest) =>
      prototype.toString.call(node, context && Object.assign({}, context, { flowCollectionPadding }), ...rest);
  };
  visit(document, { Map: (_, node) => padded(node, ' '), Seq: (_, node) => padded(node, '') });
  // Neither folds long lines nor breaks a quoted text at its line breaks: both would change lines that nobody edited.
  return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER });
}

const squeezed = (line: string) => line.replace(/\s+/g, '');

/** The lines of the source, those together that are one line of `rendered`: a folded text. */
function linesAs(rendered: readonly string[], source: string): string[] {
  const lines = source.split('\n');
  let at = 0;
  const groups = rendered.map((line) => {
    const wanted = squeezed(line);
    let group = lines[at++] ?? '';
    while (at < lines.length && group !== '' && squeezed(group) !== wanted && wanted.startsWith(squeezed(group)))
      group += `\n${lines[at++]}`;
    return group;
  });
  return [...groups, ...lines.slice(at)];
}

/** Puts the lines that differ between `before` and `after` into the source, so that the others keep their spacing. */
function takeChangedLines(source: string, before: string, after: string): string {
  const [was, is] = [before.split('\n'), after.split('\n')];
  const old = linesAs(was, source);
  if (old.length !== was.length) return after;
  const shorter = Math.min(was.length, is.length);
  let start = 0;
  while (start < shorter && was[start] === is[start]) start++;
  let end = 0;
  while (end < shorter - start && was[was.length - 1 - end] === is[is.length - 1 - end]) end++;
  const result = [...old.slice(0, start), ...is.slice(start, is.length - end), ...old.slice(old.length - end)].join(
    '\n',
  );
  const read = readDocument(result);
  const wanted = readDocument(after);
  return read.ok && wanted.ok && JSON.stringify(read.value) === JSON.stringify(wanted.value) ? result : after;
}

/** A text that cannot be read is given back as it is. */
export function edit(source: string, change: (document: Document) => void): string {
  const document = parseDocument(source);
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))) return source;
  const before = source.trim() === '' ? source : render(document);
  change(document);
  return takeChangedLines(source, before, render(document));
}

/** Makes every step of the path a collection that can be written into: an alias becomes a copy, nothing becomes a map. */
export function prepare(document: Document, path: Path): void {
  for (let length = 0; length < path.length; length++) {
    const at = path.slice(0, length);
    const node = length === 0 ? document.contents : document.getIn(at, true);
    if (isAlias(node)) document.setIn(at, document.createNode(node.toJS(document)));
    else if (node === null || node === undefined || (isScalar(node) && node.value === null)) {
      const empty = document.createNode({});
      if (length === 0) document.contents = empty as typeof document.contents;
      else put(document, at, empty);
    }
  }
}

/** Sets; a new key of the file goes where such a key usually stands. */
export function put(document: Document, path: Path, value: unknown): void {
  const top = document.contents;
  if (path.length === 1 && isMap(top) && !top.has(path[0])) {
    const before = topOrder.slice(0, topOrder.indexOf(String(path[0])));
    const previous = top.items.findLastIndex(({ key }) => before.includes(String(key)));
    top.items.splice(previous + 1, 0, document.createPair(path[0], value) as (typeof top.items)[number]);
    return;
  }
  const old = document.getIn(path, true);
  const isPlain = value === null || typeof value !== 'object';
  // Into the node that is there, so that its comment stays; the style may not fit the new value.
  if (isScalar(old) && isPlain) {
    if (old.value === '' || typeof old.value !== typeof value || String(value).includes('\n')) old.type = undefined;
    old.source = undefined;
    old.value = value;
  } else document.setIn(path, isPlain ? value : document.createNode(value));
}

function remove(document: Document, path: Path): void {
  if (!document.hasIn(path)) return;
  document.deleteIn(path);
  // A map that is left empty says nothing, except a variant that sets nothing.
  const parent = path.slice(0, -1);
  if (parent.length === 0 || (parent.length === 2 && parent[0] === 'variants')) return;
  const node = document.getIn(parent, true);
  if ((isMap(node) || isSeq(node)) && node.items.length === 0) remove(document, parent);
}

/** The path in the file's own keys: a variant called 1 is a number there. */
export function inFile(document: Document, path: Path): Path {
  return path.map((part, index) => {
    const node = index === 0 ? document.contents : document.getIn(path.slice(0, index), true);
    const pair = isMap(node) ? node.items.find(({ key }) => String(key) === String(part)) : undefined;
    return isScalar(pair?.key) ? (pair.key.value as string | number) : part;
  });
}

/** Sets, or with undefined removes, the value at a path and keeps comments and order of all else. */
export function change(document: Document, wanted: Path, value: unknown): void {
  const path = inFile(document, wanted);
  if (value === undefined) {
    if (!document.hasIn(path)) return;
    prepare(document, path);
    remove(document, path);
    return;
  }
  prepare(document, path);
  put(document, path, value);
}

/** `undefined` removes the key. */
export const setValue = (source: string, path: Path, value: unknown): string =>
  edit(source, (document) => change(document, path, value));
