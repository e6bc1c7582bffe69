import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import {
  asSettings,
  change,
  edit,
  inFile,
  type Path,
  prepare,
  put,
  readDocument,
  type Settings,
  setValue,
  valueAt,
} from './yaml-document.ts';

/** What the form knows of an experiment file. Everything takes the text and gives the edited text. */

export { asSettings, type Path, readDocument, type Settings, setValue } from './yaml-document.ts';

export interface Component {
  readonly name: string | undefined;
  readonly options: Settings;
}

const shownAtTop = ['version', 'name', 'description', 'dataset', 'sample', 'engine', 'sampling', 'seed', 'metrics'];
const shownInVariant = ['method', 'engine', 'sampling'];
const shownInCompare = ['baseline', 'metric', 'minimumEffect'];

/** A component as the YAML gives it: a name, or a name with options. */
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
export function setOption(source: string, component: Path, option: Path, value: unknown): string {
  return edit(source, (document) => {
    const path = inFile(document, component);
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

/** The metrics of a document, in its order. */
export const metricsOf = (value: Settings): Component[] =>
  Array.isArray(value.metrics) ? value.metrics.map(readComponent) : [];

/** The document with a metric added or taken away; what else it says stays as it is written. */
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

/** The variants that a document names, in its order, without those of its matrix. */
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
    prepare(document, ['variants', '']);
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
