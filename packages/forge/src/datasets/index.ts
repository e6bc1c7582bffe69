import type { Dataset, DatasetParts } from '../dataset.ts';
import type { AnyDefinition } from '../definition.ts';
import { definition as csv } from './csv.ts';
import { definition as jsonLines } from './json-lines.ts';
import { definition as labWorld } from './lab-world.ts';
import { definition as parquet } from './parquet.ts';

export const datasets: readonly AnyDefinition<Dataset, DatasetParts>[] = [csv, jsonLines, labWorld, parquet];
