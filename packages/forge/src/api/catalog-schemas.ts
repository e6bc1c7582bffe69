import { z } from '@hono/zod-openapi';

/** The shapes of what experiments can be made of, and of what is said of one before it runs, in the HTTP API. */

export const componentDefinitionSchema = z
  .object({
    name: z.string(),
    summary: z.string(),
    options: z.record(z.string(), z.unknown()).describe('JSON Schema of the options.'),
  })
  .openapi('ComponentDefinition');

export const catalogSchema = z
  .object({
    dataset: z.array(componentDefinitionSchema),
    engine: z.array(componentDefinitionSchema),
    method: z.array(componentDefinitionSchema),
    metric: z.array(componentDefinitionSchema),
    retriever: z.array(componentDefinitionSchema),
    'cross-encoder': z.array(componentDefinitionSchema),
    nli: z.array(componentDefinitionSchema),
    index: z.array(componentDefinitionSchema),
    sampling: z.record(z.string(), z.unknown()).describe('JSON Schema of the sampling settings.'),
    examples: z.array(z.object({ name: z.string(), source: z.string() })).describe('Experiment files to start from.'),
  })
  .openapi('Catalog');

export const validationSchema = z
  .object({
    ok: z.boolean(),
    error: z.object({ message: z.string(), line: z.number().nullable().describe('1-based.') }).nullable(),
    name: z.string().nullable(),
    variants: z.array(z.string()),
    configHash: z.string().nullable(),
  })
  .openapi('Validation');

export const variantPlanSchema = z
  .object({
    variant: z.string(),
    rows: z.number(),
    rowsAtLeast: z.number().describe('Fewer than rows where the experiment may stop early.'),
    calls: z.number(),
    promptTokens: z.number(),
    completionTokensAtMost: z.number(),
    detectableEffect: z.number(),
    probe: z
      .object({
        examples: z.number(),
        calls: z.number(),
        promptTokens: z.number(),
        completionTokens: z.number(),
        wallMs: z.number(),
      })
      .optional()
      .describe('What a few examples took, measured.'),
  })
  .openapi('VariantPlan');

export type ComponentDefinition = z.infer<typeof componentDefinitionSchema>;
export type Catalog = z.infer<typeof catalogSchema>;
export type Validation = z.infer<typeof validationSchema>;
export type VariantPlan = z.infer<typeof variantPlanSchema>;
