import { MeanderError } from "../base/index.ts";
import type { Caller } from "../directory/index.ts";

/** [A43] Checks that a site asks. @throws {MeanderError} `request-denied` */
export function checkIsSite(caller: Caller, subject: string): void {
  if (caller.kind === "leader" || caller.site !== undefined) return;
  throw notAllowed(subject, "this connection speaks for no site", {
    expected: "a connection whose hello names the site",
  });
}

/**
 * [A41] Checks that who asks may ask in the name of a site: the leader's process may for any, a member for itself.
 *
 * @throws {MeanderError} `request-denied`
 */
export function checkSpeaksFor(caller: Caller, site: string, subject: string): void {
  if (caller.kind === "leader" || caller.site === site) return;
  const speaks = caller.site === undefined ? "no site" : `site ${caller.site}`;
  throw notAllowed(subject, `this connection speaks for ${speaks}, not for site ${site}`, {
    next: "ask over the site's own connection, whose hello names it",
  });
}

/** Who asks may not ask that. */
export function notAllowed(
  subject: string,
  what: string,
  more: { readonly expected?: string; readonly next?: string } = {},
): MeanderError {
  return new MeanderError("request-denied", what, { where: `request ${subject}`, ...more });
}
