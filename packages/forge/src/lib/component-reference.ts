import { z } from 'zod';
import type { ComponentSpec } from '../definition.ts';

/** A component named in another one's options: by name, or by name with its options beside it. The loader looks it up and checks it. */
export const componentReference = (noun: string) =>
  z.union([z.string().min(1), z.looseObject({ name: z.string().min(1).optional() })]).meta({ noun });

/** Several components of a noun. */
export const componentReferences = (noun: string) => z.array(componentReference(noun));

/** The noun that an option names a component of, or a list of components; undefined for other options. */
export function nounOfOption(schema: z.ZodType): string | undefined {
  let inner: z.ZodType | undefined = schema;
  while (inner !== undefined) {
    const { noun } = (z.globalRegistry.get(inner) ?? {}) as { noun?: string };
    if (noun !== undefined) return noun;
    const { def } = inner as { def?: { innerType?: z.ZodType; element?: z.ZodType } };
    inner = def?.innerType ?? def?.element;
  }
  return undefined;
}

/** A reference after the loader has looked it up. */
export const specOf = (reference: unknown): ComponentSpec => reference as ComponentSpec;
/** Checked references as the components that they name. */
export const specsOf = (references: readonly unknown[]): readonly ComponentSpec[] => references.map(specOf);
