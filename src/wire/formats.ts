/** The payload formats that Meander can take apart, by the lower-case encoding name of the SDP. */
import { inspectH264 } from "./h264.ts";
import { h264Depacketizer } from "./h264-depacketizer.ts";
import { H264Packetizer } from "./h264-packetizer.ts";
import type { Depacketizer, Packetizer, PayloadFacts } from "./media-format.ts";
import { inspectOpus, OpusDepacketizer, OpusPacketizer } from "./opus.ts";
import { inspectVp8, Vp8Packetizer, vp8Depacketizer } from "./vp8.ts";

/**
 * A packetizer for `h264`, `vp8` or `opus`; undefined for others.
 *
 * @param options.maxPayloadBytes largest RTP payload, without the RTP header; >= 5
 */
export function packetizerFor(
  codec: string,
  options: { readonly maxPayloadBytes: number },
): Packetizer | undefined {
  switch (codec) {
    case "h264":
      return new H264Packetizer(options);
    case "vp8":
      return new Vp8Packetizer(options);
    case "opus":
      return new OpusPacketizer();
    default:
      return undefined;
  }
}

/**
 * A depacketizer for `h264`, `vp8` or `opus`; undefined for others.
 *
 * @param options.parameterSets H.264: NAL units without start code for key frames that lack them; copied
 */
export function depacketizerFor(
  codec: string,
  options: { readonly parameterSets?: readonly Uint8Array[] | undefined } = {},
): Depacketizer | undefined {
  switch (codec) {
    case "h264":
      return h264Depacketizer(options);
    case "vp8":
      return vp8Depacketizer();
    case "opus":
      return new OpusDepacketizer();
    default:
      return undefined;
  }
}

/** Facts of one RTP payload, without state; a codec that is not known has none. Never throws. */
export function inspectPayload(codec: string, payload: Uint8Array): PayloadFacts {
  switch (codec) {
    case "h264":
      return inspectH264(payload);
    case "vp8":
      return inspectVp8(payload);
    case "opus":
      return inspectOpus(payload);
    default:
      return { begin: false, keyframe: false, discardable: false, parameterSets: [] };
  }
}
