import { z } from "zod";
import { MeanderError } from "../../base/index.ts";

/** What an author vouches for. Times are of the wall clock, ms. */
export interface EnvelopeClaims {
  /** What is signed: `agent`, `handler`, `policy`. An envelope of one kind proves nothing of another. */
  readonly kind: string;
  /** SHA-256 of the source as it is uploaded, in UTF-8; 64 hex digits in lower case. */
  readonly sha256: string;
  readonly issuedAt: number;
  /** It proves nothing after that; undefined: always. */
  readonly notAfter?: number | undefined;
  /** The session that it is for: the id of the key that signs its tokens. Undefined: any. */
  readonly session?: string | undefined;
  /** Where it may be used: `streams/NAME`, `sites/NAME`, `session`, with `*` for any part. Undefined: anywhere. */
  readonly scope?: string | undefined;
}

/** Claims, and who has signed them. */
export interface Envelope extends EnvelopeClaims {
  /** The author: `ed25519:` and its public key in base64url. */
  readonly author: string;
  /** Of {@link signedText}; Ed25519, base64url. */
  readonly signature: string;
}

const AUTHOR = /^ed25519:[A-Za-z0-9_-]{43}$/;
const ms = z.int().min(0).max(8.64e15);

/** An author, as text: `ed25519:` and its public key in base64url. */
export const authorSchema: z.ZodType<string> = z
  .string()
  .regex(AUTHOR, "expected ed25519: and a public key in base64url");

/** The form of an {@link Envelope}. No part of it has a line end. */
export const envelopeSchema: z.ZodType<Envelope> = z.strictObject({
  kind: z.string().regex(/^[a-z][a-z-]{0,39}$/, "expected a kind, such as agent"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a sha-256 in 64 hex digits"),
  issuedAt: ms,
  notAfter: ms.optional(),
  session: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "expected the id of a session")
    .optional(),
  scope: z
    .string()
    .regex(/^[A-Za-z0-9._*/-]{1,120}$/, "expected a scope, such as streams/radio-*")
    .optional(),
  author: authorSchema,
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/, "expected 64 bytes in base64url"),
});

/** No other text that is signed with such a key begins so. */
const DOMAIN = "meander envelope 1";

/**
 * What is signed: one text for each envelope, and one envelope for each text. The first line says what it is for; then
 * one line for each part, empty where there is none.
 */
export function signedText(envelope: Omit<Envelope, "signature">): string {
  const { kind, sha256, author, issuedAt, notAfter = "", session = "", scope = "" } = envelope;
  return [DOMAIN, kind, sha256, author, issuedAt, notAfter, session, scope, ""].join("\n");
}

/** Reads an envelope that came from elsewhere. @throws {MeanderError} `author-malformed` */
export function readEnvelope(value: unknown): Envelope {
  const { data, error } = envelopeSchema.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new MeanderError("author-malformed", issue?.message ?? "no envelope", {
    where: ["envelope", ...(issue?.path ?? [])].join("."),
    expected: "an envelope that a key of an author has signed",
  });
}
