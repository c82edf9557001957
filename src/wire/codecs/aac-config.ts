/** The AudioSpecificConfig of AAC (ISO/IEC 14496-3 §1.6.2.1), alone and in LATM's StreamMuxConfig (§1.7.3). */
import { BitReader } from "../bytes/bit-reader.ts";

/** The contents of an AudioSpecificConfig. */
export interface AacConfig {
  /** `audioObjectType` as the codec string names it: 2 AAC-LC, 5 with SBR, 29 with SBR and PS. */
  readonly objectType: number;
  /** Of the core, without SBR, Hz. */
  readonly sampleRate: number;
  /** Output rate where SBR is signalled, Hz. */
  readonly outputRate: number;
  /** 1..64, from `channelConfiguration`, or counted in the program configuration in its place. */
  readonly channels: number;
  /** Samples of the core per access unit. */
  readonly frameSamples: 960 | 1024;
  /** The AudioSpecificConfig itself. */
  readonly bytes: Uint8Array;
}

const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
  7_350,
];
const EXPLICIT_RATE = 15;
/** `channelConfiguration` to channels (§1.6.3.5). 0 describes them in place; undefined ones are reserved. */
const CHANNELS = [...[0, 1, 2, 3, 4, 5, 6, 8], ...[undefined, undefined, undefined, 7, 8, 24, 8]];
const CHANNELS_MAX = 64;
const OBJECT = { lc: 2, sbr: 5, escape: 31, ps: 29 } as const;
/** `syncExtensionType`. */
const SBR_SYNC = 0x2b7;
const PS_SYNC = 0x548;
/** Object types with a GASpecificConfig that AAC decoders take: Main, LC, SSR, LTP. */
const CORES = [1, 2, 3, 4];

/** Undefined when it is malformed, or of no kind of AAC that decoders take. */
export function decodeAacConfig(bytes: Uint8Array): AacConfig | undefined {
  const reader = new BitReader(bytes);
  const config = readConfig(reader);
  return config === undefined || reader.exhausted ? undefined : { ...config, bytes };
}

/**
 * Reads a StreamMuxConfig: one program of one layer with whole access units. Undefined for others, and malformed ones.
 */
export function decodeLatmConfig(
  bytes: Uint8Array,
): { readonly config: AacConfig; readonly subFrames: number } | undefined {
  const reader = new BitReader(bytes);
  const isLaterVersion = reader.flag();
  const hasOneTiming = reader.flag();
  const subFrames = reader.bits(6) + 1;
  const programs = reader.bits(4) + 1;
  const layers = reader.bits(3) + 1;
  const start = reader.position;
  const config = readConfig(reader);
  const end = reader.position;
  const frameLengthType = reader.bits(3);
  reader.skip(8);
  const hasOtherData = reader.flag();
  if (isLaterVersion || !hasOneTiming) return undefined;
  if (programs > 1 || layers > 1 || frameLengthType !== 0 || hasOtherData) return undefined;
  if (config === undefined || end > bytes.byteLength * 8) return undefined;
  return { config: { ...config, bytes: bitsOf(bytes, start, end) }, subFrames };
}

function readConfig(reader: BitReader): Omit<AacConfig, "bytes"> | undefined {
  const start = reader.position;
  const first = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const configured = CHANNELS[reader.bits(4)];
  const hasSbr = first === OBJECT.sbr || first === OBJECT.ps;
  const toldRate = hasSbr ? readSampleRate(reader) : sampleRate;
  const core = hasSbr ? readObjectType(reader) : first;
  const frameSamples = reader.flag() ? 960 : 1024;
  if (reader.flag()) reader.skip(14);
  reader.skip(1);
  const channels = configured === 0 ? readProgramChannels(reader, start) : configured;
  const outputRate = readSyncExtension(reader) ?? toldRate;
  if (!CORES.includes(core) || channels === undefined) return undefined;
  if (channels < 1 || channels > CHANNELS_MAX) return undefined;
  if (sampleRate === undefined || outputRate === undefined) return undefined;
  return { objectType: first, sampleRate, outputRate, channels, frameSamples };
}

/**
 * Reads a `program_config_element` (§4.4.1.1), and counts its channels: those of its front, side and back elements, one
 * or two each, and its low-frequency ones.
 *
 * @param start where the AudioSpecificConfig starts, which its alignment refers to
 */
function readProgramChannels(reader: BitReader, start: number): number {
  reader.skip(4 + 2 + 4);
  const [front, side, back, low] = [4, 4, 4, 2].map((bits) => reader.bits(bits));
  const associated = reader.bits(3);
  const coupling = reader.bits(4);
  // Mono and stereo mixdown elements, and the matrix mixdown.
  if (reader.flag()) reader.skip(4);
  if (reader.flag()) reader.skip(4);
  if (reader.flag()) reader.skip(3);
  let channels = low as number;
  for (let left = (front as number) + (side as number) + (back as number); left > 0; left--) {
    channels += reader.flag() ? 2 : 1;
    reader.skip(4);
  }
  reader.skip((low as number) * 4 + associated * 4 + coupling * 5);
  reader.skip((8 - ((reader.position - start) % 8)) % 8);
  reader.skip(reader.bits(8) * 8);
  return channels;
}

/** SBR signalled after the rest, where decoders that do not know it do not look (§1.6.6.1). Its rate, if present. */
function readSyncExtension(reader: BitReader): number | undefined {
  if (reader.peek(11) !== SBR_SYNC) return undefined;
  reader.skip(11);
  const hasSbr = readObjectType(reader) === OBJECT.sbr && reader.flag();
  const rate = hasSbr ? readSampleRate(reader) : undefined;
  if (hasSbr && reader.peek(11) === PS_SYNC) reader.skip(12);
  return rate;
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === OBJECT.escape ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number | undefined {
  const index = reader.bits(4);
  const rate = index === EXPLICIT_RATE ? reader.bits(24) : SAMPLE_RATES[index];
  return rate === 0 ? undefined : rate;
}

/** Bits from `start` (inclusive) to `end` (exclusive), from the first bit of a byte on. */
function bitsOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const reader = new BitReader(bytes);
  reader.skip(start);
  return Uint8Array.from({ length: Math.ceil((end - start) / 8) }, (_, index) => {
    const count = Math.min(8, end - start - index * 8);
    return reader.bits(count) << (8 - count);
  });
}
