/**
 * Who wrote a piece of code: envelopes that authors sign.
 *
 * @module
 */
export { type Author, AuthorKey } from "./author-key.ts";
export { checkEnvelope, type SignatureCheck } from "./check-envelope.ts";
export {
  authorSchema,
  type Envelope,
  type EnvelopeClaims,
  envelopeSchema,
  readEnvelope,
  signedText,
} from "./envelope.ts";
