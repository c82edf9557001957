import { MeanderError } from "../../base/index.ts";

/** A call on a shell that was closed. */
export function closedError(shell: string): MeanderError {
  return new MeanderError("shell-closed", "the shell is closed", { where: shell });
}

/**
 * A shell has lost its site.
 *
 * @param call whether the call was sent, or was made only afterwards
 */
export function disconnectedError(
  site: string,
  why: string,
  call: "sent" | "unsent" | "later",
  cause?: MeanderError,
): MeanderError {
  const what = {
    sent: "; the call may have taken effect",
    unsent: "; the call was not made",
    later: "",
  }[call];
  const reason = cause === undefined ? why : `${why}: ${cause.message}`;
  return new MeanderError("shell-disconnected", `connection to the site lost: ${reason}${what}`, {
    where: `site ${site}`,
    next: "connect again; messages that were appended before are still delivered",
    cause,
  });
}

/** A site that cannot be reached. */
export function unreachableError(where: string, why: string, cause?: unknown): MeanderError {
  return new MeanderError("site-unreachable", `the site does not answer: ${why}`, {
    where,
    next: "start it with `meander site` or `meander demo`, or give another address",
    cause,
  });
}

/** A site that accepts no shells, or not this one. */
export function refusedError(where: string, why: string, cause?: unknown): MeanderError {
  return new MeanderError("shell-refused", `the site refused the shell: ${why}`, {
    where,
    cause,
  });
}
