import { LIMITS, MeanderError, matchesPattern } from "../../base/index.ts";
import { fromBase64Url } from "./base64url.ts";
import { type Envelope, signedText } from "./envelope.ts";

/** Checks an Ed25519 signature (RFC 8032). False for whatever is no key and no signature. Never rejects. */
export type SignatureCheck = (
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
) => Promise<boolean>;

/** What an envelope is shown for. */
export interface EnvelopeUse {
  readonly kind: string;
  /** Of the source that came with it. */
  readonly sha256: string;
  /** Of this session; undefined: it has none. */
  readonly session: string | undefined;
  /** Where it is used: `streams/NAME`, `sites/NAME`, `session`. */
  readonly scope: string;
  /** Wall clock, ms. */
  readonly now: number;
}

/**
 * Who signed the source that an envelope is shown for.
 *
 * @returns the author, as text
 * @throws {MeanderError} `author-mismatch` it vouches for something else, `author-foreign`, `author-early`,
 *   `author-expired`, `author-forged` its key has not signed it
 */
export async function checkEnvelope(
  envelope: Envelope,
  use: EnvelopeUse,
  check: SignatureCheck,
): Promise<string> {
  const { author, kind, sha256, session, scope, issuedAt, notAfter } = envelope;
  const refused = (code: string, what: string, expected: string): MeanderError =>
    new MeanderError(code, what, { where: `envelope of ${author}`, expected });
  // What it says counts for nothing before that.
  const message = new TextEncoder().encode(signedText(envelope));
  const key = fromBase64Url(author.slice("ed25519:".length));
  const signature = fromBase64Url(envelope.signature);
  const isSigned =
    key !== undefined && signature !== undefined && (await check(key, signature, message));
  if (!isSigned)
    throw refused("author-forged", "that key has not signed it", "the signature of its author");
  if (kind !== use.kind || sha256 !== use.sha256)
    throw refused(
      "author-mismatch",
      `it vouches for ${kind} ${sha256}`,
      `an envelope for ${use.kind} ${use.sha256}, which came with it`,
    );
  if (session !== undefined && session !== use.session)
    throw refused("author-foreign", `it is for session ${session}`, "an envelope for this session");
  if (scope !== undefined && !matchesPattern(scope, use.scope))
    throw refused("author-foreign", `it is for ${scope}`, `an envelope for ${use.scope}`);
  if (issuedAt > use.now + LIMITS.envelopeEarlyMsMax)
    throw refused("author-early", `it is of ${timeOf(issuedAt)}`, "clocks that agree");
  if (notAfter !== undefined && use.now > notAfter)
    throw refused("author-expired", `it counted until ${timeOf(notAfter)}`, "a new envelope");
  return author;
}

function timeOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
