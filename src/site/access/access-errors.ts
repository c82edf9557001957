import { LIMITS, MeanderError } from "../../base/index.ts";
import { describeNeed, type Grant, type Need } from "./grant.ts";

/** Why a token is not valid. */
export type TokenFault = "token-malformed" | "token-forged" | "token-foreign";

const HOW = "get one with `meander token create`, where the session is administered";

/** The client is unknown. */
export function tokenRequired(need: Need): MeanderError {
  return new MeanderError("token-required", "this site requires a token", {
    expected: `a token that allows: ${describeNeed(need)}`,
    next: `${HOW}; give it as MEANDER_TOKEN or --token-file, or type it into the page`,
  });
}

/** The token cannot be trusted. */
export function tokenFaulty(fault: TokenFault): MeanderError {
  switch (fault) {
    case "token-malformed":
      return new MeanderError(fault, "not a valid token", {
        expected: `a signed token of this session, at most ${LIMITS.tokenCharactersMax} characters`,
        next: `check that it was copied whole, or ${HOW}`,
      });
    case "token-forged":
      return new MeanderError(fault, "the token's signature is not the session's", {
        expected: "a token as the session issued it",
        next: `check that it was copied whole, or ${HOW}`,
      });
    case "token-foreign":
      return new MeanderError(fault, "the token is of another session", {
        expected: "a token of this session",
        next: HOW,
      });
  }
}

/** An address has presented too many invalid tokens. */
export function tokenThrottled(): MeanderError {
  return new MeanderError(
    "token-throttled",
    "too many tokens from that address were forged or unreadable",
    { next: "try again in a few seconds, with a valid token" },
  );
}

/** The token is not valid yet. */
export function tokenEarly(grant: Grant): MeanderError {
  return new MeanderError(
    "token-early",
    `the token is not valid before ${timeOf(grant.notBefore)}`,
    {
      where: nameOf(grant),
      next: "wait, or check the clocks of this machine and of the issuing one",
    },
  );
}

/** The token has expired. */
export function tokenExpired(grant: Grant): MeanderError {
  return new MeanderError("token-expired", `the token expired at ${timeOf(grant.expiresAt)}`, {
    where: nameOf(grant),
    next: HOW,
  });
}

/** The token was revoked. */
export function tokenRevoked(grant: Grant): MeanderError {
  return new MeanderError("token-revoked", "the token was revoked", {
    where: nameOf(grant),
    next: HOW,
  });
}

/** The token is valid, but does not allow this. */
export function tokenDenied(grant: Grant, need: Need): MeanderError {
  const patterns = [...grant.channels, ...grant.streams, ...grant.sites];
  const on = patterns.length === 0 ? "" : ` on ${patterns.join(", ")}`;
  return new MeanderError("token-denied", `the token allows ${grant.can.join(", ")}${on}`, {
    where: nameOf(grant),
    expected: `a token that allows: ${describeNeed(need)}`,
    next: HOW,
  });
}

function nameOf({ id, name }: Grant): string {
  return `token ${id} of ${name}`;
}

function timeOf(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}
