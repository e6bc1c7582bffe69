import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { agentSteps } from '../lib/agent-trace.ts';
import type { Metric, MetricParts } from '../metric.ts';

const toolNames = z.array(z.string().min(1)).max(64);
const options = z.strictObject({
  mustCall: toolNames.default([]).describe('Tools that have to be called, each at least once without an error.'),
  mustNotCall: toolNames.default([]).describe('Tools that must not be asked for, whether the call fails or not.'),
  order: toolNames
    .default([])
    .describe('Tools whose calls without an error have to come in this order; others may stand between them.'),
  maxCalls: z.int().min(0).optional().describe('Calls at most, failed ones too.'),
  maxErrors: z.int().min(0).optional().describe('Failed calls and unreadable steps at most.'),
});

/** Whether `wanted` can be read off `made` from left to right, with others between. */
function inOrder(wanted: readonly string[], made: readonly string[]): boolean {
  let next = 0;
  for (const tool of made) if (tool === wanted[next]) next++;
  return next === wanted.length;
}

/** Whether an agent went the way it should; the broken rules are stored with the example. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'trajectory',
  summary: 'Whether an agent went the way it should: tools it must call, must not call, in which order, how often.',
  options,
  create({ mustCall, mustNotCall, order, maxCalls, maxErrors }) {
    if (
      mustCall.length + mustNotCall.length + order.length === 0 &&
      maxCalls === undefined &&
      maxErrors === undefined
    ) {
      throw new ConfigError(
        'trajectory: says nothing to check; set mustCall, mustNotCall, order, maxCalls or maxErrors',
      );
    }
    return {
      name: 'trajectory',
      binary: true,
      score(_, prediction) {
        const steps = agentSteps(prediction.steps).filter(({ kind }) => kind === 'tool');
        const asked = steps.flatMap(({ tool }) => tool ?? []);
        const worked = steps.flatMap(({ tool, error }) => (error === undefined && tool !== undefined ? [tool] : []));
        const errors = steps.filter(({ error }) => error !== undefined).length;
        const broken = [
          ...mustCall.filter((tool) => !worked.includes(tool)).map((tool) => `${tool} was not called`),
          ...mustNotCall.filter((tool) => asked.includes(tool)).map((tool) => `${tool} was called`),
          ...(inOrder(order, worked) ? [] : [`not in the order ${order.join(', ')}`]),
          ...(asked.length > (maxCalls ?? Number.POSITIVE_INFINITY)
            ? [`${asked.length} calls, at most ${maxCalls}`]
            : []),
          ...(errors > (maxErrors ?? Number.POSITIVE_INFINITY) ? [`${errors} errors, at most ${maxErrors}`] : []),
        ];
        if (broken.length === 0) return 1;
        return { score: 0, steps: [{ kind: 'trajectory', text: broken.join('; ') }] };
      },
    };
  },
};
