/**
 * Codecs: bytes to values and back. Pure.
 *
 * @module
 */

export { type AacFormat, formatAacParameters, isAac, parseAacFormat } from "./aac.ts";
export { type AacConfig, decodeAacConfig } from "./aac-config.ts";
export {
  type Av1Sequence,
  av1CodecString,
  av1SampleOf,
  decodeAv1Sequence,
} from "./av1-sequence.ts";
export { decodeBase64, encodeBase64 } from "./base64.ts";
export { ORIGIN_REFUSED_CLOSE } from "./close-codes.ts";
export { videoCodecString } from "./codec-strings.ts";
export {
  type ControlFault,
  type ControlMessage,
  decodeControl,
  encodeControl,
  type SourcePoint,
} from "./control.ts";
export { type Description, descriptionSchema, type Track } from "./description.ts";
export {
  codecNameOf,
  depacketizerFor,
  inspectorFor,
  inspectPayload,
  KNOWN_CODECS,
  packetizerFor,
  setFormatOf,
  tellsKeyFrames,
} from "./formats.ts";
export { encodeFramed, FramedReader } from "./framing.ts";
export { decodeG711 } from "./g711.ts";
export { h264CodecString, NAL } from "./h264.ts";
export { decodeH264Sps, type H264Sps } from "./h264-sps.ts";
export { decodeH265Sps, type H265Sps, h265CodecString } from "./h265-sps.ts";
export {
  channelOf,
  decodeHeader,
  encodeHeader,
  encodePacket,
  FLAG,
  faultOf,
  flagsOf,
  generationOf,
  HEADER_BYTES,
  type Header,
  type HeaderFault,
  KIND,
  type Kind,
  kindOf,
  lengthOf,
  MEDIUM,
  mediumOf,
  payloadOf,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
  splitPackets,
  WIRE_VERSION,
} from "./header.ts";
export { decodeHex, encodeHex } from "./hex.ts";
export { readU32LittleEndian, writeU32LittleEndian } from "./little-endian.ts";
export type {
  Depacketizer,
  Frame,
  Inspector,
  Packetizer,
  PacketPlace,
  PayloadFacts,
} from "./media-format.ts";
export { splitAnnexB } from "./nal-format.ts";
export { msToNtp, ntpToMs } from "./ntp-time.ts";
export { PacketMemory } from "./packet-memory.ts";
export {
  decodeParameterSets,
  encodeParameterSets,
  ParameterSets,
  type SetFormat,
} from "./parameter-sets.ts";
export {
  decodeRtcp,
  encodeRtcp,
  isRtcp,
  type ReportBlock,
  type RtcpFault,
  type RtcpPacket,
} from "./rtcp.ts";
export {
  decodeRtp,
  encodeRtp,
  type RtpExtension,
  type RtpFault,
  type RtpPacket,
} from "./rtp.ts";
export { parseSdp, type SdpSession, type SdpTrack } from "./sdp.ts";
export { formatSdp } from "./sdp-writer.ts";
export { parameterSetsOfFmtp } from "./set-parameters.ts";
export { packValue, unpackValue } from "./value.ts";
export {
  decodeVp8KeyFrame,
  decodeVp9KeyFrame,
  type PictureSize,
  type Vp9KeyFrame,
  vp9CodecString,
} from "./vp-key-frames.ts";
