import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { agentSteps } from '../lib/agent-trace.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({});

/** Needed against made tool calls, whichever is less over the other: 1 for as many as needed, 0.5 for twice or half as many. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'tool-efficiency',
  summary: 'Tool calls that a question needs against those that an agent made: 1 is exactly as many.',
  options,
  create: () => ({
    name: 'tool-efficiency',
    binary: false,
    score(example, prediction) {
      const needed = example.neededCalls;
      if (needed === undefined) {
        throw new ConfigError(
          `example ${example.id}: the data set does not say how many tool calls it needs (columns.neededCalls), which tool-efficiency compares with`,
        );
      }
      const made = agentSteps(prediction.steps).filter(({ kind }) => kind === 'tool').length;
      return needed === made ? 1 : Math.min(needed, made) / Math.max(needed, made);
    },
  }),
};
