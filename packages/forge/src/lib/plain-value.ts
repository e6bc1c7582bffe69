/** Deeper than anybody writes by hand, and shallow enough for every recursive walk over the value. */
export const maxDepth = 64;
const maxNodes = 100_000;

/**
 * What is wrong with a parsed JSON or YAML value as input of somebody else; undefined where nothing is. Nesting deeper than `maxDepth`
 * ends recursive code with a stack overflow, and a key `__proto__` becomes a prototype wherever it is copied by assignment.
 */
export function faultOf(value: unknown): string | undefined {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  let nodes = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: one, depth } = next;
    if (++nodes > maxNodes) return `more than ${maxNodes} values; split it`;
    if (one === null || typeof one !== 'object') continue;
    if (depth >= maxDepth) return `nested more than ${maxDepth} deep`;
    if (Object.hasOwn(one, '__proto__')) return 'a key may not be called __proto__';
    for (const inner of Object.values(one)) open.push({ value: inner, depth: depth + 1 });
  }
  return undefined;
}
