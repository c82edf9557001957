/**
 * Ends the program when our own code is wrong. Never for input, files or peers: those are errors or values.
 *
 * @param invariant what must hold, stated positively: "a ring keeps at most its capacity"
 */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailed(invariant);
}

/** A bug in Meander. Never caught. */
export class AssertionFailed extends Error {
  constructor(invariant: string) {
    super(`broken invariant: ${invariant}`);
    this.name = "AssertionFailed";
  }
}

/** For the `default` of a `switch` over a union: a case that the types say cannot be. */
export function unreachable(value: never): never {
  throw new AssertionFailed(`unexpected case ${JSON.stringify(value)}`);
}
