import type { Dataset, DatasetParts } from '../dataset.ts';
import type { AnyDefinition } from '../definition.ts';
import { definition as csv } from './csv.ts';
import { definition as gsm8k } from './gsm8k.ts';
import { definition as huggingFace } from './hugging-face.ts';
import { definition as jsonLines } from './json-lines.ts';
import { definition as labWorld } from './lab-world.ts';
import { definition as nqOpen } from './nq-open.ts';
import { definition as parquet } from './parquet.ts';
import { definition as preferencePairs } from './preference-pairs.ts';
import { definition as squad } from './squad.ts';
import { definition as triviaQa } from './trivia-qa.ts';

export const datasets: readonly AnyDefinition<Dataset, DatasetParts>[] = [
  labWorld,
  gsm8k,
  nqOpen,
  squad,
  triviaQa,
  huggingFace,
  jsonLines,
  csv,
  parquet,
  preferencePairs,
];
