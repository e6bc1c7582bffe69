import type { AnyDefinition } from '../definition.ts';
import type { TrainingSet, TrainingSetParts } from '../training-set.ts';
import { definition as classificationJsonLines } from './classification-json-lines.ts';
import { definition as hhRlhf } from './hh-rlhf.ts';
import { definition as preferenceJsonLines } from './preference-json-lines.ts';
import { definition as retrievalJsonLines } from './retrieval-json-lines.ts';
import { definition as textJsonLines } from './text-json-lines.ts';
import { definition as ultraFeedback } from './ultra-feedback.ts';

export const trainingSets: readonly AnyDefinition<TrainingSet, TrainingSetParts>[] = [
  preferenceJsonLines,
  hhRlhf,
  ultraFeedback,
  textJsonLines,
  retrievalJsonLines,
  classificationJsonLines,
];
