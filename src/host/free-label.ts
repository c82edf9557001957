import type { Random } from "../base/index.ts";

/** Characters of a name that a shell would like which stay when it is taken; a hyphen and 6 more follow. */
const STEM = 33;

/**
 * [A36] The name that a shell gets: the one that it would like, if that is free, else one that begins so.
 *
 * @param wanted undefined: any
 */
export function freeLabel(
  wanted: string | undefined,
  random: Random,
  isTaken: (label: string) => boolean,
): string {
  let label = wanted;
  while (label === undefined || isTaken(label)) {
    const unique = random.uint32().toString(16).padStart(8, "0").slice(0, 6);
    label = `${wanted?.slice(0, STEM) ?? "shell"}-${unique}`;
  }
  return label;
}
