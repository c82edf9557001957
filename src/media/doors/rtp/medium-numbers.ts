import { MEDIUM } from "../../../wire/index.ts";

/**
 * The header's medium of each track: the first audio and the first video have fixed ones, others count up in order.
 * [W5]
 */
export function mediumNumbers(kinds: readonly string[]): number[] {
  let next: number = MEDIUM.user;
  const given = new Set<number>();
  return kinds.map((kind) => {
    const fixed = kind === "audio" ? MEDIUM.audio : kind === "video" ? MEDIUM.video : undefined;
    if (fixed === undefined || given.has(fixed)) return next++;
    given.add(fixed);
    return fixed;
  });
}
