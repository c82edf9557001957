import type { Proof, Refusal } from "./handshake-message.ts";
import { dialProof, isSameProof } from "./link-proof.ts";
import type { FrameIdentity } from "./live-frame-network.ts";

/**
 * [N5] Whether a proof lets its sender in; undefined: it does. Strangers learn nothing but that they are strangers: who
 * is meant is looked at only when the key was right.
 *
 * @param challenge that was given
 * @param self undefined while the site has not joined its session
 * @param needsSeal whether ways from where it came have to be private
 */
export function judgeProof(
  message: Proof,
  challenge: Uint8Array,
  self: FrameIdentity | undefined,
  needsSeal: boolean,
): Refusal | undefined {
  if (self === undefined) return "not-joined";
  const { linkKey, siteInstance } = self;
  const expected = dialProof(linkKey, message);
  if (!isSameProof(message.challenge, challenge)) return "bad-hello";
  if (!isSameProof(message.proof, expected)) return "link-key-wrong";
  if (needsSeal && !message.isSealed) return "privacy-required";
  if (message.to.site !== siteInstance.site) return "wrong-site";
  if (message.to.instance !== siteInstance.instance) return "wrong-instance";
  return undefined;
}
