import { z } from 'zod';

/** Reads JSON that any version of this program may have stored. */

/** A stored value as an object; an empty one where it is none. */
export const objectOf = (value: unknown): object => (value !== null && typeof value === 'object' ? value : {});

/** Those of a list that can be read. */
export function listOf<T>(schema: z.ZodType<T>, value: unknown): T[] {
  return (Array.isArray(value) ? value : []).flatMap((one) => {
    const parsed = schema.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
}

/** The same shape, but what may be null is null where it cannot be read. */
export function lenient<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
): z.ZodType<z.infer<z.ZodObject<Shape>>> {
  const fields = Object.entries<unknown>(schema.shape).map(([key, field]) => [
    key,
    field instanceof z.ZodNullable ? field.catch(null) : field,
  ]);
  return z.object(Object.fromEntries(fields)) as unknown as z.ZodType<z.infer<z.ZodObject<Shape>>>;
}
