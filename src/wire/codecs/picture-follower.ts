/** What a payload is to the picture of its source that is being sent. */
export type PictureRole =
  /** It has the beginning of another picture. */
  | "starts"
  /** It has a part of the picture that was being sent, or of the first one. */
  | "continues"
  /** It has nothing of a picture: parameter sets, messages, padding. */
  | "none";

/**
 * Follows the pictures of one source through its payloads, in order. What a picture is, is a matter of its timestamp;
 * a follower tells when another one begins under the same timestamp, and what is not a part of any. Never throws.
 */
export interface PictureFollower {
  /** The payloads from now on have another timestamp. */
  begin(): void;
  /** Learns a parameter set, which is not retained. Absent: none helps it. */
  learn?(set: Uint8Array): void;
  /** Consumes a payload, which is not empty. @param isMarked the payload before it had the marker */
  role(payload: Uint8Array, isMarked: boolean): PictureRole;
}

/**
 * Where a source sets the RTP marker. `unknown` at first; `ends` once pictures ended with it; `inside` once it was seen
 * inside a picture, for good: such senders mark every slice or NAL unit, and then it says nothing.
 */
export type MarkerUse = "unknown" | "ends" | "inside";

/** Tells pictures apart by their ids, as VP8 and VP9 have them. */
export class PictureIds {
  #id: number | undefined;
  #isOpen = false;

  begin(): void {
    this.#isOpen = false;
  }

  /** @param begins the payload has the beginning of a frame */
  role(begins: boolean, id: number | undefined, isMarked: boolean): PictureRole {
    const isOther = id !== undefined && this.#id !== undefined ? id !== this.#id : isMarked;
    const role = this.#isOpen && begins && isOther ? "starts" : "continues";
    this.#isOpen = true;
    this.#id = id;
    return role;
  }
}
