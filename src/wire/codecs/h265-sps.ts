import { BitReader, unescapeNal } from "../bytes/bit-reader.ts";

/** What an H.265 sequence parameter set says of the pictures. */
export interface H265Sps {
  /** `sps_seq_parameter_set_id`, not checked. */
  readonly id: number;
  /** Pixels, cropped. */
  readonly width: number;
  readonly height: number;
  /** 0 none, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly temporalLayers: number;
  readonly temporalNesting: boolean;
  /** The 12 bytes of `profile_tier_level` that concern the whole: profile, compatibility, constraints, level. */
  readonly profileTierLevel: Uint8Array;
}

const PROFILE_BYTES = 12;
/** Two bytes of NAL header, then 8 bits before `profile_tier_level`. */
const PROFILE_AT = 3;

/** Reads a sequence parameter set with its NAL header (ITU-T H.265 §7.3.2.2.1). Undefined when it is malformed. */
export function decodeH265Sps(nal: Uint8Array): H265Sps | undefined {
  const bytes = unescapeNal(nal);
  const reader = new BitReader(bytes);
  reader.skip(16 + 4);
  const subLayers = reader.bits(3);
  const temporalNesting = reader.flag();
  const profileTierLevel = bytes.slice(PROFILE_AT, PROFILE_AT + PROFILE_BYTES);
  reader.skip(PROFILE_BYTES * 8);
  skipSubLayers(reader, subLayers);
  const id = reader.unsignedGolomb();
  const chromaFormat = reader.unsignedGolomb();
  const separatePlanes = chromaFormat === 3 && reader.flag();
  const codedWidth = reader.unsignedGolomb();
  const codedHeight = reader.unsignedGolomb();
  const [left, right, top, bottom] = reader.flag()
    ? [0, 0, 0, 0].map(() => reader.unsignedGolomb())
    : [0, 0, 0, 0];
  const bitDepthLuma = reader.unsignedGolomb() + 8;
  const bitDepthChroma = reader.unsignedGolomb() + 8;
  if (reader.exhausted || chromaFormat > 3) return undefined;
  const unitX = (chromaFormat === 1 || chromaFormat === 2) && !separatePlanes ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  const width = codedWidth - unitX * ((left as number) + (right as number));
  const height = codedHeight - unitY * ((top as number) + (bottom as number));
  if (width < 1 || height < 1 || width > 0xffff || height > 0xffff) return undefined;
  return {
    id,
    width,
    height,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    temporalLayers: subLayers + 1,
    temporalNesting,
    profileTierLevel,
  };
}

/**
 * The codec string of ISO/IEC 14496-15 annex E: `hvc1.1.6.L93.B0`.
 *
 * @param profileTierLevel see {@link H265Sps}
 */
export function h265CodecString(profileTierLevel: Uint8Array): string {
  const first = profileTierLevel[0] ?? 0;
  const space = ["", "A", "B", "C"][first >> 6];
  const tier = (first & 0x20) === 0 ? "L" : "H";
  const flags = new BitReader(profileTierLevel.subarray(1, 5)).bits(32);
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) {
    if (Math.floor(flags / 2 ** bit) % 2 === 1) reversed += 2 ** (31 - bit);
  }
  const constraints = Array.from(profileTierLevel.subarray(5, 11));
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    `hvc1.${space}${first & 0x1f}`,
    reversed.toString(16),
    `${tier}${profileTierLevel[11] ?? 0}`,
    ...constraints.map((byte) => byte.toString(16)),
  ].join(".");
}

function skipSubLayers(reader: BitReader, count: number): void {
  if (count === 0) return;
  const present = Array.from({ length: 8 }, (_each, layer) => {
    const profile = reader.flag();
    const level = reader.flag();
    return layer < count ? { profile, level } : { profile: false, level: false };
  });
  for (const { profile, level } of present) reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
}
