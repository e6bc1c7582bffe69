import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, visit, type YAMLMap, type YAMLSeq } from 'yaml';

/** Reads and edits an experiment file as text: comments, order and what the form does not know stay as they are. */

export type Path = readonly (string | number)[];
export type Settings = Readonly<Record<string, unknown>>;

export type ReadDocument =
  | { readonly ok: true; readonly value: Settings }
  | { readonly ok: false; readonly message: string; readonly line: number | null };

export interface Component {
  readonly name: string | undefined;
  readonly options: Settings;
}

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
const shownAtTop = ['version', 'name', 'description', 'dataset', 'sample', 'engine', 'sampling', 'seed', 'metrics'];
const shownInVariant = ['method', 'engine', 'sampling'];
const shownInCompare = ['baseline', 'metric', 'minimumEffect'];

export function asSettings(value: unknown): Settings {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Settings) : {};
}

export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((current, part) => (current as Record<string | number, unknown> | null | undefined)?.[part], value);

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
  return document.toString({ lineWidth: 0 });
}

/** Puts the lines that differ between `before` and `after` into the source, so that the others keep their spacing. */
function takeChangedLines(source: string, before: string, after: string): string {
  const [old, was, is] = [source, before, after].map((text) => text.split('\n')) as [string[], string[], string[]];
  if (old.length !== was.length) return after;
  const shorter = Math.min(was.length, is.length);
  let start = 0;
  while (start < shorter && was[start] === is[start]) start++;
  let end = 0;
  while (end < shorter - start && was[was.length - 1 - end] === is[is.length - 1 - end]) end++;
  const result = [...old.slice(0, start), ...is.slice(start, is.length - end), ...old.slice(old.length - end)].join('\n');
  const read = readDocument(result);
  const wanted = readDocument(after);
  return read.ok && wanted.ok && JSON.stringify(read.value) === JSON.stringify(wanted.value) ? result : after;
}

/** A text that cannot be read is given back as it is. */
function edit(source: string, change: (document: Document) => void): string {
  const document = parseDocument(source);
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))) return source;
  const before = source.trim() === '' ? source : render(document);
  change(document);
  return takeChangedLines(source, before, render(document));
}

/** Makes every step of the path a collection that can be written into: an alias becomes a copy, nothing becomes a map. */
function prepare(document: Document, path: Path): void {
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
function put(document: Document, path: Path, value: unknown): void {
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
    if (typeof old.value !== typeof value || String(value).includes('\n')) old.type = undefined;
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

function change(document: Document, path: Path, value: unknown): void {
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

export function readComponent(reference: unknown): Component {
  if (typeof reference === 'string') return { name: reference, options: {} };
  const { name, ...options } = asSettings(reference);
  return { name: typeof name === 'string' ? name : undefined, options };
}

/** Another component starts without options, in the short form. */
export function setComponent(source: string, path: Path, name: string | undefined): string {
  const read = readDocument(source);
  if (!read.ok || readComponent(valueAt(read.value, path)).name === name) return source;
  return setValue(source, path, name);
}

/** Long form where there are options, short form where the last one goes. */
export function setOption(source: string, path: Path, option: Path, value: unknown): string {
  return edit(source, (document) => {
    const current = document.getIn(path);
    if (typeof current === 'string') {
      if (value === undefined) return;
      change(document, path, { name: current });
    }
    change(document, [...path, ...option], value);
    const left = document.getIn(path, true);
    if (isMap(left) && left.items.length === 1 && left.has('name')) change(document, path, left.get('name'));
  });
}

export const metricsOf = (value: Settings): Component[] =>
  Array.isArray(value.metrics) ? value.metrics.map(readComponent) : [];

export function setMetric(source: string, name: string, chosen: boolean): string {
  const read = readDocument(source);
  if (!read.ok) return source;
  const index = metricsOf(read.value).findIndex((metric) => metric.name === name);
  if (chosen === index >= 0) return source;
  if (!chosen) return setValue(source, ['metrics', index], undefined);
  return Array.isArray(read.value.metrics)
    ? edit(source, (document) => {
        prepare(document, ['metrics', 0]);
        document.addIn(['metrics'], name);
      })
    : edit(source, (document) => {
        const list = document.createNode([name], { flow: true });
        prepare(document, ['metrics']);
        put(document, ['metrics'], list);
      });
}

export function variantsOf(value: Settings): { readonly name: string; readonly settings: Settings }[] {
  return Object.entries(asSettings(value.variants)).map(([name, settings]) => ({
    name,
    settings: asSettings(settings),
  }));
}

function unusedName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  let number = 2;
  while (taken.includes(`${wanted}-${number}`)) number++;
  return `${wanted}-${number}`;
}

/** A first variant takes the shared method over, so that what would have run still runs. */
export function addVariant(source: string, methods: readonly string[]): string {
  const read = readDocument(source);
  if (!read.ok) return source;
  const taken = variantsOf(read.value).map(({ name }) => name);
  const used = variantsOf(read.value).map(({ settings }) => readComponent(settings.method).name);
  const shared = read.value.method;
  let text = source;
  if (taken.length === 0 && shared !== undefined && shared !== null) {
    const name = readComponent(shared).name ?? 'variant';
    taken.push(name);
    used.push(name);
    text = setValue(text, ['method'], undefined);
    text = setValue(text, ['variants', name], { method: shared });
  }
  const method = methods.find((one) => !used.includes(one)) ?? methods[0];
  const name = unusedName(method ?? 'variant', taken);
  return setValue(text, ['variants', name], method === undefined ? {} : { method });
}

/** A method that all variants have lost goes back to being shared. */
export function removeVariant(source: string, name: string): string {
  const read = readDocument(source);
  if (!read.ok) return source;
  const last = variantsOf(read.value).length === 1;
  const method = valueAt(read.value, ['variants', name, 'method']);
  let text = setValue(source, last ? ['variants'] : ['variants', name], undefined);
  if (valueAt(read.value, ['compare', 'baseline']) === name) text = setValue(text, ['compare', 'baseline'], undefined);
  if (last && method !== undefined && read.value.method === undefined) text = setValue(text, ['method'], method);
  return text;
}

/** Keeps its place; undefined where the name is empty or taken. */
export function renameVariant(source: string, from: string, to: string): string | undefined {
  const read = readDocument(source);
  if (!read.ok) return undefined;
  if (from === to) return source;
  if (to.trim() === '' || variantsOf(read.value).some(({ name }) => name === to)) return undefined;
  return edit(source, (document) => {
    prepare(document, ['variants', from]);
    const variants = document.get('variants') as YAMLMap;
    const pair = variants.items.find(({ key }) => String(key) === from) as Pair | undefined;
    if (pair === undefined) return;
    if (isScalar(pair.key)) {
      pair.key.source = undefined;
      pair.key.value = to;
    } else pair.key = document.createNode(to);
    if (document.getIn(['compare', 'baseline']) === from) put(document, ['compare', 'baseline'], to);
  });
}

/** Keys that are in the file and not in the form. */
export function keysNotInForm(value: Settings): string[] {
  const variants = variantsOf(value);
  const unknown = (settings: unknown, shown: readonly string[], prefix: string) =>
    Object.keys(asSettings(settings))
      .filter((key) => !shown.includes(key))
      .map((key) => `${prefix}${key}`);
  return [
    ...unknown(value, [...shownAtTop, 'method', 'variants', 'compare'], ''),
    ...variants.flatMap(({ name, settings }) => unknown(settings, shownInVariant, `variants.${name}.`)),
    ...unknown(value.compare, shownInCompare, 'compare.'),
  ];
}

export const minimalSource = `version: 1
name: my-experiment
description: Does thinking step by step help?

dataset: lab-world
sample: 100

engine:
  name: llama-cpp
  model: models/lab/lab-world-2m.gguf

metrics: [numeric-match]

variants:
  naive:
    method: naive
  chain-of-thought:
    method: chain-of-thought
`;
