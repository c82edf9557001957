import { MeanderError } from "../../base/index.ts";

/** The lease has run out, was revoked, or never was. */
export function leaseGoneError(id: string): MeanderError {
  return new MeanderError("directory-lease-gone", "the lease has ended", {
    where: `directory lease ${id.slice(0, 64)}`,
    next: "take a new one",
  });
}

/** A bound of the directory is reached. */
export function fullError(what: string, most: number): MeanderError {
  return new MeanderError("directory-full", `there are as many ${what} as there may be`, {
    where: "directory",
    expected: `at most ${most} ${what}`,
  });
}

/** The directory takes no calls any more. */
export function closedError(): MeanderError {
  return new MeanderError("directory-closed", "the directory was closed", { where: "directory" });
}
