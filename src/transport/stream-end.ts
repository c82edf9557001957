import { MeanderError } from "../base/index.ts";

/** The error that a connection above a socket ends with. */
export function streamEndOf(error: Error, peer: string): MeanderError {
  const code = "code" in error ? error.code : undefined;
  const details = { where: peer, cause: error };
  return code === "ETIMEDOUT"
    ? new MeanderError("connection-timeout", "the peer stopped answering", details)
    : new MeanderError("connection-reset", `the connection broke (${error.message})`, details);
}

/** The peer sent bytes that are not a packet, on a stream that cannot find the next one. */
export function malformedEnd(peer: string, what: string, cause?: unknown): MeanderError {
  const expected = "packets as docs/spec/wire.md describes them";
  return new MeanderError("wire-malformed", what, { where: peer, expected, cause });
}

/** Why a connection could not be opened. */
export function connectErrorOf(error: Error, address: string): MeanderError {
  if (error instanceof MeanderError) return error;
  const code = "code" in error ? error.code : undefined;
  const details = { where: address, cause: error };
  switch (code) {
    case "ETIMEDOUT":
      return connectTimeout(address, error);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new MeanderError("address-invalid", "the name does not resolve", details);
    case "ECONNREFUSED":
      return new MeanderError("connect-refused", "connection refused", details);
    default:
      return new MeanderError("connect-refused", error.message, details);
  }
}

/** The peer did not answer in time. */
export function connectTimeout(address: string, cause?: unknown): MeanderError {
  return new MeanderError("connect-timeout", "no answer in time", { where: address, cause });
}
