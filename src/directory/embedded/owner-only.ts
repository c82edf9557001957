import { fchmodSync, fstatSync } from "node:fs";

/** Mode of a file that only its owner reads and writes. */
export const OWNER_ONLY = 0o600;
/** What nobody but the owner may have. */
const OTHERS = 0o077;

/**
 * Makes an open file its owner's alone, whatever it was before: a directory has the keys of its session
 * (docs/spec/access.md [A26]).
 *
 * @throws what `node:fs` throws
 */
export function keepOwnerOnly(file: number): void {
  if ((fstatSync(file).mode & OTHERS) !== 0) fchmodSync(file, OWNER_ONLY);
}
