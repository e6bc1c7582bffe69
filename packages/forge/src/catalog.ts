import { datasets } from './datasets/index.ts';
import type { AnyDefinition } from './definition.ts';
import { crossEncoders, embedders, nliModels } from './encoders/index.ts';
import { engines } from './engines/index.ts';
import { indexes } from './indexes/index.ts';
import { methods } from './methods/index.ts';
import { metrics } from './metrics/index.ts';
import { retrievers } from './retrievers/index.ts';
import { tools } from './tools/index.ts';
import { trainers } from './trainers/index.ts';
import { trainingSets } from './training-sets/index.ts';

/** Everything a config can name. Config checks, `forge list`, the JSON Schema and forms all read it. */
export const catalog = {
  dataset: datasets,
  engine: engines,
  method: methods,
  metric: metrics,
  retriever: retrievers,
  embedder: embedders,
  'cross-encoder': crossEncoders,
  nli: nliModels,
  index: indexes,
  tool: tools,
  trainer: trainers,
  'training-set': trainingSets,
} as const;

export type Noun = keyof typeof catalog;
export const nouns = Object.keys(catalog) as readonly Noun[];

/** As `forge list` and messages say it. */
export const pluralOf = (noun: Noun): string => (noun === 'index' ? 'indexes' : noun === 'nli' ? 'nli' : `${noun}s`);

/** The definitions of one noun, their component types forgotten. */
export function definitionsOf(noun: Noun): readonly AnyDefinition<unknown, never>[] {
  return catalog[noun];
}
