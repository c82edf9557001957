import { createPublicKey, verify } from "node:crypto";
import type { SignatureCheck } from "../trust/index.ts";
import { decodeCode, hashOf } from "./code-blob.ts";
import type { CodeBlobs } from "./code-store.ts";

/** [A70] What a leader checks the envelopes of authors with. */
export interface CodeAuthorChecks {
  readonly signature: SignatureCheck;
  /** Hash of the source that prepared code was made from; undefined: there is no such code. */
  sourceHash(code: string): Promise<string | undefined>;
}

/** Checks against the code that is kept. Settles without I/O of its own, so that the simulator stays deterministic. */
export function authorChecks(blobs: Pick<CodeBlobs, "fetch">): CodeAuthorChecks {
  return {
    signature: async (publicKey, signature, message) => isSigned(publicKey, signature, message),
    sourceHash: async (code) => {
      const bytes = await blobs.fetch(code);
      const source = bytes === undefined ? undefined : decodeCode(bytes)?.source;
      return source === undefined ? undefined : await hashOf(new TextEncoder().encode(source));
    },
  };
}

function isSigned(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  try {
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
