import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { CalculationError, calculate } from '../lib/calculate.ts';
import type { ToolParts, ToolSet } from '../tool.ts';

const options = z.strictObject({});

/** Arithmetic that a language model gets wrong: exact, of any size up to 2,000 digits. Nothing is executed. */
export const definition: Definition<ToolSet, ToolParts, typeof options> = {
  name: 'calculator',
  summary: 'Arithmetic, exact: + - * / ^ % !, parentheses, sqrt, log, min, max and the like.',
  options,
  create: () => ({
    fingerprint: 'calculator 1',
    tools: [
      {
        name: 'calculator',
        description: 'The value of an expression of numbers, e.g. calculator[(12 + 30) * 7 / 2].',
        arguments: z.strictObject({ expression: z.string().min(1).max(500) }),
        async call({ expression }) {
          try {
            return { text: await calculate(String(expression)) };
          } catch (error) {
            if (!(error instanceof CalculationError)) throw error;
            return { text: `error: ${error.message}`, error: 'failed' };
          }
        },
      },
    ],
    close: async () => {},
  }),
};
