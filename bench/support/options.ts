/**
 * The names that an option lists, or all when it lists none, in the order of `all`.
 *
 * @throws {Error} an unknown name, with those that are known
 */
export function chosen<T extends string>(
  option: string,
  asked: readonly string[],
  all: readonly T[],
): readonly T[] {
  for (const each of asked) {
    if (!(all as readonly string[]).includes(each)) {
      throw new Error(`${option} ${each}\n  expected: ${all.join(", ")}`);
    }
  }
  return asked.length === 0 ? all : all.filter((each) => asked.includes(each));
}

/**
 * The number that an option gives, above 0 and up to `max`.
 *
 * @throws {Error} anything else, with the range
 */
export function numberOf(option: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new Error(`${option} ${text}\n  expected: above 0, at most ${max}`);
}
