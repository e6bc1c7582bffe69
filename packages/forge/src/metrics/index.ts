import type { AnyDefinition } from '../definition.ts';
import type { Metric, MetricParts } from '../metric.ts';
import { definition as contains } from './contains.ts';
import { definition as exactMatch } from './exact-match.ts';
import { definition as f1 } from './f1.ts';
import { definition as numericMatch } from './numeric-match.ts';

export const metrics: readonly AnyDefinition<Metric, MetricParts>[] = [exactMatch, contains, f1, numericMatch];
