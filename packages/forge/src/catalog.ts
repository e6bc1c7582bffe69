import { datasets } from './datasets/index.ts';
import type { AnyDefinition } from './definition.ts';
import { engines } from './engines/index.ts';
import { methods } from './methods/index.ts';
import { metrics } from './metrics/index.ts';

/** Everything a config can name. Config checks, `forge list`, the JSON Schema and forms all read it. */
export const catalog = {
  dataset: datasets,
  engine: engines,
  method: methods,
  metric: metrics,
} as const;

export type Noun = keyof typeof catalog;

/** The definitions of one noun, their component types forgotten. */
export function definitionsOf(noun: Noun): readonly AnyDefinition<unknown, never>[] {
  return catalog[noun];
}
