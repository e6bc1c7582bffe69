import type { AnyDefinition } from '../definition.ts';
import type { Metric, MetricParts } from '../metric.ts';
import { definition as answerLength } from './answer-length.ts';
import { definition as contains } from './contains.ts';
import { definition as contextPrecision } from './context-precision.ts';
import { definition as exactMatch } from './exact-match.ts';
import { definition as f1 } from './f1.ts';
import { definition as faithfulness } from './faithfulness.ts';
import { definition as logMargin } from './log-margin.ts';
import { definition as mrr } from './mrr.ts';
import { definition as ndcg } from './ndcg.ts';
import { definition as numericMatch } from './numeric-match.ts';
import { definition as precision } from './precision.ts';
import { definition as recall } from './recall.ts';
import { definition as toolEfficiency } from './tool-efficiency.ts';
import { definition as trajectory } from './trajectory.ts';

export const metrics: readonly AnyDefinition<Metric, MetricParts>[] = [
  exactMatch,
  contains,
  f1,
  numericMatch,
  recall,
  precision,
  mrr,
  ndcg,
  contextPrecision,
  faithfulness,
  toolEfficiency,
  trajectory,
  logMargin,
  answerLength,
];
