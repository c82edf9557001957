/** What WebCodecs and RFC 6381 call the video in a frame. */
import { av1CodecString, decodeAv1Sequence } from "./av1-sequence.ts";
import { h264CodecString } from "./h264.ts";
import { NAL, nalTypeOf } from "./h264-nal.ts";
import { findH265Sps } from "./h265.ts";
import { decodeH265Sps, h265CodecString } from "./h265-sps.ts";
import { splitAnnexB } from "./nal-format.ts";
import { decodeVp9KeyFrame, vp9CodecString } from "./vp-key-frames.ts";

/**
 * The codec string of a key frame, with parameter sets in band: `avc1.42e01f`, `hev1.1.6.L93.B0`, `vp8`,
 * `vp09.00.31.08`, `av01.0.04M.08`. Undefined when the frame does not contain it, and for unknown codecs.
 */
export function videoCodecString(codec: string, keyFrame: Uint8Array): string | undefined {
  switch (codec) {
    case "h264": {
      const sps = splitAnnexB(keyFrame).find((nal) => nalTypeOf(nal) === NAL.sps);
      return sps && h264CodecString(sps);
    }
    case "h265": {
      const sps = findH265Sps(splitAnnexB(keyFrame));
      const facts = sps && decodeH265Sps(sps);
      // `hvc1` promises parameter sets out of band, and only those.
      return facts && h265CodecString(facts.profileTierLevel).replace("hvc1", "hev1");
    }
    case "vp8":
      return "vp8";
    case "vp9": {
      const head = decodeVp9KeyFrame(keyFrame);
      return head && vp9CodecString(head);
    }
    case "av1": {
      const sequence = decodeAv1Sequence(keyFrame);
      return sequence && av1CodecString(sequence);
    }
    default:
      return undefined;
  }
}
