import { MeanderError } from "../../base/index.ts";

/** What is asked of a shell that was closed. */
export function closedError(shell: string): MeanderError {
  return new MeanderError("shell-closed", "the shell is closed", { where: shell });
}

/**
 * A shell has lost its site.
 *
 * @param call whether a call was sent before, or only made afterwards
 */
export function disconnectedError(
  site: string,
  why: string,
  call: "sent" | "unsent" | "later",
  cause?: MeanderError,
): MeanderError {
  const what = {
    sent: "; the call may have been done",
    unsent: "; the call was not made",
    later: "",
  }[call];
  const reason = cause === undefined ? why : `${why}: ${cause.message}`;
  return new MeanderError("shell-disconnected", `the site is gone: ${reason}${what}`, {
    where: `site ${site}`,
    next: "connect again; what was appended before is delivered all the same",
    cause,
  });
}

/** A site that cannot be reached. */
export function unreachableError(where: string, why: string, cause?: unknown): MeanderError {
  return new MeanderError("site-unreachable", `the site does not answer: ${why}`, {
    where,
    next: "start it with `meander site` or `meander demo`, or name another",
    cause,
  });
}

/** A site that takes no shell, or not this one. */
export function refusedError(where: string, why: string, cause?: unknown): MeanderError {
  return new MeanderError("shell-refused", `the site does not take the shell: ${why}`, {
    where,
    cause,
  });
}
