/** Where pictures of H.264 begin, and with which of them a decoder can. */
import { BitReader } from "../bytes/bit-reader.ts";
import {
  isH264Picture,
  NAL,
  nalTypeOf,
  REFERENCE_BITS,
  readH264Payload,
  START_BIT,
  TYPE_BITS,
} from "./h264-nal.ts";
import {
  type H264SliceHead,
  type H264SliceSyntax,
  h264RecoveryFrames,
  readH264SliceHead,
} from "./h264-slices.ts";
import { decodeH264SliceSyntax } from "./h264-sps.ts";
import type { UnitFacts, UnitReader } from "./nal-format.ts";
import type { PictureFollower, PictureRole } from "./picture-follower.ts";

/** Reads slices by the parameter sets that were seen. */
class SliceReader {
  readonly #sequences = new Map<number, H264SliceSyntax>();
  /** Ids of picture parameter sets to those of their sequences. */
  readonly #pictures = new Map<number, number>();

  constructor(parameterSets: readonly Uint8Array[]) {
    for (const set of parameterSets) this.learn(set);
  }

  learn(set: Uint8Array): void {
    const type = nalTypeOf(set);
    if (type === NAL.sps) {
      const syntax = decodeH264SliceSyntax(set);
      if (syntax !== undefined && syntax.spsId <= SPS_ID_MAX) {
        this.#sequences.set(syntax.spsId, syntax);
      }
    } else if (type === NAL.pps) {
      const reader = new BitReader(set.subarray(1));
      const id = reader.unsignedGolomb();
      const sequence = reader.unsignedGolomb();
      if (!reader.exhausted && id <= PPS_ID_MAX) this.#pictures.set(id, sequence);
    }
  }

  read(nal: Uint8Array): H264SliceHead | undefined {
    return readH264SliceHead(nal, (id) => this.#sequences.get(this.#pictures.get(id) ?? -1));
  }
}

const SPS_ID_MAX = 31;
const PPS_ID_MAX = 255;

/**
 * A picture begins with the slice of its first macroblock. Two fields of one frame are one picture. Slices may come in
 * any order, as long as the first one comes once.
 */
export class H264Follower implements PictureFollower {
  readonly #slices: SliceReader;
  /** The first slice of the picture, or of its second field. */
  #first: H264SliceHead | undefined;
  #hasTwoFields = false;

  /** @param parameterSets those that came with the description */
  constructor(parameterSets: readonly Uint8Array[]) {
    this.#slices = new SliceReader(parameterSets);
  }

  begin(): void {
    this.#first = undefined;
    this.#hasTwoFields = false;
  }

  learn(set: Uint8Array): void {
    this.#slices.learn(set);
  }

  role(payload: Uint8Array): PictureRole {
    if (nalTypeOf(payload) === NAL.fuA && ((payload[1] ?? 0) & START_BIT) === 0) {
      return isH264Picture((payload[1] ?? 0) & TYPE_BITS) ? "continues" : "none";
    }
    const read = readH264Payload(payload);
    if (read.type === "piece") {
      // The fragment's second byte has the type in the same place as a NAL unit's header.
      return isH264Picture(nalTypeOf(read.head)) ? this.#roleOf(payload.subarray(1)) : "none";
    }
    if (read.type !== "whole") return "none";
    let role: PictureRole = "none";
    for (const nal of read.nals) {
      const type = nalTypeOf(nal);
      if (type === NAL.sps || type === NAL.pps) this.#slices.learn(nal);
      if (!isH264Picture(type)) continue;
      // A payload is of one picture: its first slice decides.
      const own = this.#roleOf(nal);
      if (role === "none") role = own;
    }
    return role;
  }

  #roleOf(nal: Uint8Array): PictureRole {
    const type = nalTypeOf(nal);
    if (type > NAL.dataPartitionA && type <= NAL.dataPartitionC) return "continues";
    const head = this.#slices.read(nal);
    if (head === undefined || head.firstBlock !== 0) return "continues";
    const before = this.#first;
    this.#first = head;
    if (before === undefined) return "continues";
    const isSecond = !this.#hasTwoFields && areFieldsOfOneFrame(before, head);
    this.#hasTwoFields = isSecond;
    return isSecond ? "continues" : "starts";
  }
}

function areFieldsOfOneFrame({ picture: one }: H264SliceHead, other: H264SliceHead): boolean {
  const two = other.picture;
  if (one === undefined || two === undefined || one.frame !== two.frame) return false;
  return one.field !== "none" && two.field !== "none" && one.field !== two.field;
}

/**
 * A decoder can start with an IDR picture, and with a picture without references to others that has a recovery point
 * with `recovery_frame_cnt` 0, whether or not it is exact, and whether or not its link is broken. (§8.2.1)
 *
 * Pictures that follow one of the second kind and come before it in output order are leading: they may refer to what
 * was before. They end with the first reference picture that comes after it.
 */
export class H264Units implements UnitReader {
  readonly #slices: SliceReader;
  #isIdr = false;
  #recovers = false;
  #first: H264SliceHead | undefined;
  #isReference = false;
  /** The open entry whose leading pictures may come. Orders are relative to its own. */
  #entry:
    | { readonly timestamp: number; readonly hasOrder: boolean; place: number; value: number }
    | undefined;

  constructor(parameterSets: readonly Uint8Array[]) {
    this.#slices = new SliceReader(parameterSets);
  }

  add(nal: Uint8Array): void {
    const type = nalTypeOf(nal);
    if (type === NAL.sps || type === NAL.pps) {
      this.#slices.learn(nal);
    } else if (type === NAL.sei) {
      this.#recovers ||= h264RecoveryFrames(nal) === 0;
    } else if (isH264Picture(type)) {
      this.#isIdr ||= type === NAL.idr;
      this.#isReference ||= ((nal[0] as number) & REFERENCE_BITS) !== 0;
      this.#first ??= this.#slices.read(nal);
    }
  }

  reset(): void {
    this.#isIdr = this.#recovers = this.#isReference = false;
    this.#first = undefined;
  }

  finish(timestamp: number): UnitFacts {
    const order = this.#first?.picture?.order;
    if (this.#isIdr || (this.#recovers && this.#first?.isIntra === true)) {
      const hasOrder = order !== undefined;
      const entry = { timestamp, hasOrder, place: 0, value: order?.value ?? 0 };
      this.#entry = this.#isIdr ? undefined : entry;
      return { key: true, leading: false };
    }
    const entry = this.#entry;
    if (entry === undefined) return { key: false, leading: false };
    let leading: boolean;
    if (order === undefined || !entry.hasOrder) {
      // Without picture order, the time of presentation tells; docs/spec/wire.md [W13].
      leading = ((timestamp - entry.timestamp) | 0) < 0;
    } else {
      // §8.2.1.1: the nearest to that of the reference picture before.
      const ahead = (order.value - entry.value + order.range) % order.range;
      const place = entry.place + (ahead < order.range / 2 ? ahead : ahead - order.range);
      leading = place < 0;
      if (this.#isReference) {
        entry.place = place;
        entry.value = order.value;
      }
    }
    if (!leading && this.#isReference) this.#entry = undefined;
    return { key: false, leading };
  }
}
