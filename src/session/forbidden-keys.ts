/** Names that objects of JavaScript have by nature. */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Where a value, made from JSON, has a key that a program could take for a part of its own: the path to it; undefined:
 * nowhere. Does not recurse, however deep the value is.
 */
export function forbiddenKeyIn(value: unknown): readonly PropertyKey[] | undefined {
  const waiting: { readonly value: unknown; readonly path: readonly PropertyKey[] }[] = [
    { value, path: [] },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    for (const [key, inner] of Object.entries(next.value)) {
      const path = [...next.path, Array.isArray(next.value) ? Number(key) : key];
      if (FORBIDDEN.has(key)) return path;
      waiting.push({ value: inner, path });
    }
  }
  return undefined;
}
