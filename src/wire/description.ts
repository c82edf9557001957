import { z } from "zod";
import { type TrackFacts, trackFactsShape } from "./track-facts.ts";

/** One track of a channel, as the ingest describes it to everything downstream. */
export interface Track extends TrackFacts {
  /** u8, the header's medium: 1 first audio, 2 first video, 3 first text, 4.. further ones. */
  readonly medium: number;
  readonly kind: "audio" | "video" | "text" | "application";
  /** u32, the header's source id that this track has now. */
  readonly source: number;
  /** u8, the source generation that this track has now. */
  readonly generation: number;
  /**
   * Lower case encoding name of the RTP map (`h264`, `vp9`, `mpeg4-generic`), or a media type for text (`text/plain`).
   */
  readonly codec: string;
  /** 0..127; -1 for data that is not RTP. */
  readonly payloadType: number;
  /** Ticks per second of the RTP timestamp; 1000 for text. */
  readonly clockRate: number;
  /** Audio channels. */
  readonly channels?: number | undefined;
  /** The SDP's format parameters, as text (`packetization-mode=1;profile-level-id=42e01f`). */
  readonly fmtp?: string | undefined;
  /**
   * Parameter sets in decoding order, base64: of H.264 SPS and PPS, of H.265 VPS, SPS and PPS (NAL units without start
   * code), of AV1 the sequence header (an OBU without size).
   */
  readonly parameterSets?: readonly string[] | undefined;
  /**
   * Media that its publisher has announced together with it, heard or not, its own among them: those that are not
   * described yet will probably come. Absent where it is alone.
   */
  readonly companions?: readonly number[] | undefined;
}

/** What a channel carries now. Published in band by its ingest, on change and every second. */
export interface Description {
  /** Grows with every change. */
  readonly revision: number;
  /** Name of the site that ingests. */
  readonly ingest: string;
  readonly tracks: readonly Track[];
}

const u32 = z.number().int().min(0).max(0xffff_ffff);
const u8 = z.number().int().min(0).max(255);

const trackSchema = z.object({
  medium: u8,
  kind: z.enum(["audio", "video", "text", "application"]),
  source: u32,
  generation: u8,
  codec: z.string().max(64),
  payloadType: z.number().int().min(-1).max(127),
  clockRate: z.number().int().min(1).max(10_000_000),
  channels: z.number().int().min(1).max(64).optional(),
  fmtp: z.string().max(4096).optional(),
  parameterSets: z.array(z.string().max(8192)).max(16).optional(),
  companions: z.array(u8).max(32).optional(),
  ...trackFactsShape,
});

export const descriptionSchema: z.ZodType<Description> = z.object({
  revision: u32,
  ingest: z.string().max(100),
  tracks: z.array(trackSchema).max(32),
});
