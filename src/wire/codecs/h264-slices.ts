/** Slice headers (ITU-T H.264 §7.3.3) and recovery points (§D.1.8) of H.264. */
import { BitReader, unescapeNal } from "../bytes/bit-reader.ts";
import { SLICE_FRONT_BYTES } from "./nal-format.ts";

/** The front of a slice header. */
export interface H264SliceHead {
  /** `first_mb_in_slice`. */
  readonly firstBlock: number;
  /** The slice refers to no other picture: I or SI. */
  readonly isIntra: boolean;
  /** Undefined where no parameter set tells how to read what follows. */
  readonly picture:
    | {
        readonly frame: number;
        /** `top` and `bottom` are the fields of a frame. */
        readonly field: "none" | "top" | "bottom";
        /** `pic_order_cnt_lsb`, and how many values it has; undefined with other types of picture order. */
        readonly order: { readonly value: number; readonly range: number } | undefined;
      }
    | undefined;
}

/** How a sequence parameter set says that slice headers are to be read. */
export interface H264SliceSyntax {
  readonly spsId: number;
  readonly separatePlanes: boolean;
  /** Of `frame_num`. */
  readonly frameBits: number;
  /** Of `pic_order_cnt_lsb`; undefined with other types of picture order. */
  readonly orderBits: number | undefined;
  readonly framesOnly: boolean;
}

const IDR = 5;
const SLICE_TYPES = 10;
const [SLICE_I, SLICE_SI] = [2, 4];

/**
 * Reads the front of a slice, with its NAL header. Undefined when it is malformed.
 *
 * @param syntaxOf of the picture parameter set with an id
 */
export function readH264SliceHead(
  nal: Uint8Array,
  syntaxOf: (ppsId: number) => H264SliceSyntax | undefined,
): H264SliceHead | undefined {
  const reader = new BitReader(unescapeNal(nal.subarray(0, SLICE_FRONT_BYTES)));
  reader.skip(8);
  const firstBlock = reader.unsignedGolomb();
  const type = reader.unsignedGolomb();
  const syntax = syntaxOf(reader.unsignedGolomb());
  if (reader.exhausted || type >= SLICE_TYPES) return undefined;
  const isIntra = type % 5 === SLICE_I || type % 5 === SLICE_SI;
  if (syntax === undefined) return { firstBlock, isIntra, picture: undefined };
  if (syntax.separatePlanes) reader.skip(2);
  const frame = reader.bits(syntax.frameBits);
  const isField = !syntax.framesOnly && reader.flag();
  const field = isField ? (reader.flag() ? "bottom" : "top") : "none";
  if (((nal[0] as number) & 31) === IDR) reader.unsignedGolomb();
  const bits = syntax.orderBits;
  const order = bits === undefined ? undefined : { value: reader.bits(bits), range: 2 ** bits };
  return { firstBlock, isIntra, picture: reader.exhausted ? undefined : { frame, field, order } };
}

const SEI_RECOVERY_POINT = 6;
const MESSAGES_MAX = 64;

/**
 * `recovery_frame_cnt` of the recovery point in a supplemental enhancement information NAL unit: with 0, its picture
 * and all that are presented after it can be decoded from there on; else only after so many frames, as with periodic
 * intra refresh. Undefined without one.
 */
export function h264RecoveryFrames(sei: Uint8Array): number | undefined {
  const bytes = unescapeNal(sei);
  let at = 1;
  const number = (): number => {
    let value = 0;
    while (bytes[at] === 0xff) {
      value += 255;
      at++;
    }
    return value + (bytes[at++] ?? 0);
  };
  // Behind the last message stands a stop bit.
  for (let count = 0; count < MESSAGES_MAX && at + 2 < bytes.byteLength; count++) {
    const type = number();
    const size = number();
    if (type === SEI_RECOVERY_POINT) {
      const reader = new BitReader(bytes.subarray(at, at + size));
      const frames = reader.unsignedGolomb();
      return reader.exhausted ? undefined : frames;
    }
    at += size;
  }
  return undefined;
}
