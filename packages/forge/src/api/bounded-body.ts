import type { MiddlewareHandler } from 'hono';
import { faultOf, maxDepth } from '../lib/plain-value.ts';
import { HttpProblem, problemResponse } from './problem.ts';

/** How deep brackets nest in JSON text; what stands in strings does not count. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth);
    else if (char === ']' || char === '}') depth--;
  }
  return deepest;
}

/** Refuses JSON bodies that are nested too deep, have too many values or a key `__proto__`, before a schema walks over them. */
export const boundedBody: MiddlewareHandler = async (c, next) => {
  if (!/\bjson\b/i.test(c.req.header('content-type') ?? '')) return next();
  const text = await c.req.text();
  const refuse = (detail: string) => problemResponse(c, new HttpProblem(400, `the body is refused: ${detail}`));
  if (depthOf(text) > maxDepth) return refuse(`nested more than ${maxDepth} deep`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The route says so, where it wants a body.
    return next();
  }
  const fault = faultOf(value);
  return fault === undefined ? next() : refuse(fault);
};
