import type { AnyDefinition } from '../definition.ts';
import type { Method, MethodParts } from '../method.ts';
import { definition as chainOfThought } from './chain-of-thought.ts';
import { definition as choose } from './choose.ts';
import { definition as entailment } from './entailment.ts';
import { definition as naive } from './naive.ts';
import { definition as rag } from './rag.ts';
import { definition as react } from './react.ts';
import { definition as recordedTraces } from './recorded-traces.ts';
import { definition as retrieve } from './retrieve.ts';

export const methods: readonly AnyDefinition<Method, MethodParts>[] = [
  naive,
  chainOfThought,
  rag,
  react,
  retrieve,
  entailment,
  choose,
  recordedTraces,
];
