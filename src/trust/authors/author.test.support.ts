/** An author whose signatures are made at once, for tests in virtual time. */
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import type { Author } from "./author-key.ts";
import type { SignatureCheck } from "./check-envelope.ts";
import { signedText } from "./envelope.ts";

/** SHA-256 of a text, hex. */
export function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A new author. */
export function makeAuthor(): Author {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const id = `ed25519:${x}`;
  return {
    id,
    vouch: async (source, claims) => {
      const envelope = { ...claims, sha256: sha256Of(source), author: id };
      const signature = sign(null, Buffer.from(signedText(envelope)), privateKey);
      return { ...envelope, signature: signature.toString("base64url") };
    },
  };
}

/** Checks signatures at once. */
export const checkAtOnce: SignatureCheck = async (publicKey, signature, message) => {
  const x = Buffer.from(publicKey).toString("base64url");
  const key = { kty: "OKP", crv: "Ed25519", x };
  return verify(null, message, { key, format: "jwk" }, signature);
};
