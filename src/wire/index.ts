/**
 * Codecs: bytes to values and back. Pure.
 *
 * @module
 */

export { decodeBase64, encodeBase64 } from "./bytes/base64.ts";
export { decodeHex, encodeHex } from "./bytes/hex.ts";
export { readU32LittleEndian, writeU32LittleEndian } from "./bytes/little-endian.ts";
export { PacketMemory } from "./bytes/packet-memory.ts";
export { ORIGIN_REFUSED_CLOSE } from "./close-codes.ts";
export { type AacFormat, formatAacParameters, isAac, parseAacFormat } from "./codecs/aac.ts";
export { type AacConfig, decodeAacConfig } from "./codecs/aac-config.ts";
export {
  type Av1Sequence,
  av1CodecString,
  av1SampleOf,
  decodeAv1Sequence,
} from "./codecs/av1-sequence.ts";
export { videoCodecString } from "./codecs/codec-strings.ts";
export {
  codecNameOf,
  depacketizerFor,
  followerFor,
  inspectorFor,
  inspectPayload,
  KNOWN_CODECS,
  packetizerFor,
  setFormatOf,
  tellsKeyFrames,
} from "./codecs/formats.ts";
export { decodeG711 } from "./codecs/g711.ts";
export { h264CodecString } from "./codecs/h264.ts";
export { NAL } from "./codecs/h264-nal.ts";
export { decodeH264Sps, type H264Sps } from "./codecs/h264-sps.ts";
export { decodeH265Sps, type H265Sps, h265CodecString } from "./codecs/h265-sps.ts";
export type {
  Depacketizer,
  Frame,
  Inspector,
  Packetizer,
  PacketPosition,
  PayloadFacts,
} from "./codecs/media-format.ts";
export { splitAnnexB } from "./codecs/nal-format.ts";
export { opusSeconds } from "./codecs/opus-duration.ts";
export {
  decodeParameterSets,
  encodeParameterSets,
  ParameterSets,
  type SetFormat,
} from "./codecs/parameter-sets.ts";
export type { MarkerUse, PictureFollower, PictureRole } from "./codecs/picture-follower.ts";
export {
  decodeVp8KeyFrame,
  decodeVp9KeyFrame,
  type PictureSize,
  type Vp9KeyFrame,
  vp9CodecString,
} from "./codecs/vp-key-frames.ts";
export {
  type ChannelStall,
  type ControlFault,
  type ControlMessage,
  decodeControl,
  encodeControl,
  type SourcePoint,
} from "./control.ts";
export { type Description, descriptionSchema, type Track } from "./description.ts";
export { encodeFramed, FramedReader } from "./framing.ts";
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
export {
  type ChannelRelations,
  type NamedRoom,
  namedRoomsSchema,
  type SiteRoom,
  siteRoomSchema,
} from "./relations.ts";
export { msToNtp, ntpToMs } from "./rtp/ntp-time.ts";
export {
  decodeRtcp,
  encodeRtcp,
  isRtcp,
  type ReportBlock,
  type RtcpFault,
  type RtcpPacket,
} from "./rtp/rtcp.ts";
export {
  decodeRtp,
  encodeRtp,
  type RtpExtension,
  type RtpFault,
  type RtpPacket,
} from "./rtp/rtp.ts";
export { parseSdp, type SdpSession, type SdpTrack } from "./sdp/sdp.ts";
export { titleLine } from "./sdp/sdp-facts.ts";
export { formatSdp } from "./sdp/sdp-writer.ts";
export { parameterSetsOfFmtp } from "./sdp/set-parameters.ts";
export {
  isLanguage,
  type TrackColour,
  type TrackFacts,
  trackFactsOf,
  trackFactsShape,
} from "./track-facts.ts";
export {
  bytesIn,
  entriesOfMap,
  membersOfSet,
  partsOfPattern,
  TYPED_ARRAYS,
  timeOfDate,
  typedArrayName,
} from "./values/brands.ts";
export { packValue, unpackValue } from "./values/value.ts";
