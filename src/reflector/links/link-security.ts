import type { Refusal } from "../../channel/index.ts";
import { type Cipher, type Connection, completeStack } from "../../stack/index.ts";
import { encodeHex } from "../../wire/index.ts";
import type { Neighbour } from "../events.ts";

/** How links between sites are protected, and from which sites they are accepted. */
export interface LinkSecurity {
  /** The complete stack of a link to a site (undefined: not known yet), where `text` was configured. */
  stackTo(neighbour: Neighbour | undefined, text: string): string;
  /** Why a connection may not be used by a site; undefined: it may. */
  refuse(connection: Connection): Refusal | undefined;
  /** The proof in a site's hello that it knows the link key. */
  proofOf(linkKey: string, instance: { readonly name: string; readonly instance: number }): string;
}

const PROOF_BYTES = 16;

/** [W21] A site's proof: the key itself is never sent. It is valid for one site instance. */
export function siteProof(
  cipher: Cipher,
  linkKey: string,
  { name, instance }: { readonly name: string; readonly instance: number },
): string {
  const utf8 = new TextEncoder();
  const salt = utf8.encode(`${instance} ${name}`);
  const proof = cipher.derive(utf8.encode(linkKey), salt, "meander hello", PROOF_BYTES);
  return encodeHex(proof);
}

/** Permits plain links: for networks in one process. */
export function plainLinks(cipher: Cipher): LinkSecurity {
  return {
    stackTo: (_neighbour, text) => completeStack(text),
    refuse: () => undefined,
    proofOf: (linkKey, instance) => siteProof(cipher, linkKey, instance),
  };
}
