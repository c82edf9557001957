/** H.265 NAL units (ITU-T H.265 §7.4.2) and their RTP payloads (RFC 7798 §4). */
import { BitReader, unescapeNal } from "../bytes/bit-reader.ts";
import { decodeH265Sps } from "./h265-sps.ts";
import { type Inspector, NO_FACTS, type PayloadFacts } from "./media-format.ts";
import {
  type NalFormat,
  type NalPayload,
  splitAggregate,
  type UnitFacts,
  type UnitReader,
} from "./nal-format.ts";
import type { SetFormat } from "./parameter-sets.ts";
import type { PictureFollower, PictureRole } from "./picture-follower.ts";

/** `nal_unit_type` of a NAL unit (ITU-T H.265 table 7-1), and of an RTP payload (RFC 7798 §4.4). */
const TYPE = {
  /** Below: even types are of pictures that no picture of their sub-layer refers to. */
  subLayerNonReferenceMax: 14,
  /** Leading pictures that are skipped at random access. */
  raslN: 8,
  raslR: 9,
  /** BLA, IDR, CRA and two that are reserved. */
  keyMin: 16,
  keyMax: 23,
  pictureMax: 31,
  vps: 32,
  sps: 33,
  pps: 34,
  delimiter: 35,
  singleMax: 47,
  aggregate: 48,
  fragment: 49,
} as const;

const HEAD_BYTES = 2;
const FORBIDDEN_BIT = 0x80;
/** The type in the first byte of a header, in place. */
const TYPE_BITS = 0x7e;
/** In the third byte of a fragment, beside the type of its NAL unit. */
const START_BIT = 0x80;
const END_BIT = 0x40;
const FRAGMENT_TYPE_BITS = 0x3f;
const SPS_ID_MAX = 15;
const PPS_ID_MAX = 63;

/** The type of a NAL unit or payload, 0..63. Of an empty one, a type that is not a picture. */
export function h265TypeOf(nal: Uint8Array): number {
  return ((nal[0] ?? TYPE_BITS) & TYPE_BITS) >> 1;
}

/** VPS, SPS and PPS, without start code. */
export const H265_SETS: SetFormat = {
  kinds: 3,
  kindOf(nal) {
    const type = h265TypeOf(nal);
    return type >= TYPE.vps && type <= TYPE.pps ? type - TYPE.vps : undefined;
  },
  idOf(nal) {
    switch (h265TypeOf(nal)) {
      case TYPE.vps:
        return nal[HEAD_BYTES] === undefined ? undefined : nal[HEAD_BYTES] >> 4;
      case TYPE.sps:
        return within(decodeH265Sps(nal)?.id, SPS_ID_MAX);
      default: {
        const reader = new BitReader(unescapeNal(nal.subarray(HEAD_BYTES, HEAD_BYTES + 4)));
        const id = reader.unsignedGolomb();
        return reader.exhausted ? undefined : within(id, PPS_ID_MAX);
      }
    }
  },
};

/** Payloads without decoding order numbers (`sprop-max-don-diff` 0), as all known senders use. */
export const H265_FORMAT: NalFormat = {
  sets: H265_SETS,
  headBytes: HEAD_BYTES,
  typeOf: h265TypeOf,
  isPicture: (type) => type <= TYPE.pictureMax,
  isDelimiter: (type) => type === TYPE.delimiter,
  units: () => new H265Units(),
  follower: () => new H265Follower(),
  read(payload): NalPayload {
    const head = payload[0] as number;
    if ((head & FORBIDDEN_BIT) !== 0 || payload.byteLength < HEAD_BYTES) return { type: "broken" };
    const type = h265TypeOf(payload);
    if (type <= TYPE.singleMax) return { type: "whole", nals: [payload] };
    if (type === TYPE.aggregate) {
      const nals = splitAggregate(payload, HEAD_BYTES);
      return nals?.every((nal) => nal.byteLength >= HEAD_BYTES) === true
        ? { type: "whole", nals }
        : { type: "broken" };
    }
    // RFC 7798 §4.4.4: what PACI packets wrap was not agreed on; 51 and up are reserved.
    return type === TYPE.fragment ? readFragment(payload) : { type: "reserved" };
  },
  /** RFC 7798 §4.4.2: the lowest layer and sub-layer of those aggregated. */
  aggregateHead(nals) {
    const forbidden = nals.some((nal) => ((nal[0] as number) & FORBIDDEN_BIT) !== 0);
    const layer = Math.min(...nals.map(layerOf));
    const subLayer = Math.min(...nals.map((nal) => (nal[1] as number) & 7));
    return Uint8Array.of(
      (forbidden ? FORBIDDEN_BIT : 0) | (TYPE.aggregate << 1) | (layer >> 5),
      ((layer & 31) << 3) | subLayer,
    );
  },
  /** RFC 7798 §4.4.3. */
  pieceHead(nal, { start, end }) {
    return Uint8Array.of(
      ((nal[0] as number) & ~TYPE_BITS) | (TYPE.fragment << 1),
      nal[1] as number,
      (start ? START_BIT : 0) | (end ? END_BIT : 0) | h265TypeOf(nal),
    );
  },
};

function readFragment(payload: Uint8Array): NalPayload {
  if (payload.byteLength < HEAD_BYTES + 2) return { type: "broken" };
  const head = payload[HEAD_BYTES] as number;
  const type = head & FRAGMENT_TYPE_BITS;
  if (type > TYPE.singleMax) return { type: "broken" };
  return {
    type: "piece",
    start: (head & START_BIT) !== 0,
    end: (head & END_BIT) !== 0,
    head: Uint8Array.of(((payload[0] as number) & ~TYPE_BITS) | (type << 1), payload[1] as number),
    data: payload.subarray(HEAD_BYTES + 1),
  };
}

/**
 * A decoder can start with an intra random access point: IDR, CRA, BLA. After a CRA or a BLA picture, random access
 * skipped leading pictures may come, which refer to what was before; decodable ones refer to nothing before it.
 */
class H265Units implements UnitReader {
  #key = false;
  #leading = false;

  add(nal: Uint8Array): void {
    const type = h265TypeOf(nal);
    this.#key ||= isKeyPicture(type);
    this.#leading ||= type === TYPE.raslN || type === TYPE.raslR;
  }

  finish(): UnitFacts {
    return { key: this.#key, leading: this.#leading && !this.#key };
  }

  reset(): void {
    this.#key = this.#leading = false;
  }
}

/** A picture begins with `first_slice_segment_in_pic_flag`, the bit behind the header. Fields are pictures. */
class H265Follower implements PictureFollower {
  #hasFirst = false;

  begin(): void {
    this.#hasFirst = false;
  }

  role(payload: Uint8Array): PictureRole {
    const read = H265_FORMAT.read(payload);
    if (read.type === "piece") {
      if (h265TypeOf(read.head) > TYPE.pictureMax) return "none";
      return read.start ? this.#roleOf(read.head, read.data[0]) : "continues";
    }
    if (read.type !== "whole") return "none";
    let role: PictureRole = "none";
    for (const nal of read.nals) {
      if (h265TypeOf(nal) > TYPE.pictureMax) continue;
      // A payload is of one picture: its first slice decides.
      const own = this.#roleOf(nal, nal[HEAD_BYTES]);
      if (role === "none") role = own;
    }
    return role;
  }

  /** Higher layers belong to the picture of the lowest one. */
  #roleOf(nal: Uint8Array, behindHead: number | undefined): PictureRole {
    const isFirst = layerOf(nal) === 0 && ((behindHead ?? 0) & 0x80) !== 0;
    const role = isFirst && this.#hasFirst ? "starts" : "continues";
    this.#hasFirst ||= isFirst;
    return role;
  }
}

/** Remembers from the sequence parameter sets how many temporal sub-layers there are. */
export class H265Inspector implements Inspector {
  /** `TemporalId` of the highest sub-layer. Undefined: not known yet. */
  #highest: number | undefined;

  /** @param parameterSets those that came with the description */
  constructor(parameterSets: readonly Uint8Array[]) {
    for (const set of parameterSets) this.#learn(set);
  }

  inspect(payload: Uint8Array): PayloadFacts {
    const read = payload.byteLength === 0 ? undefined : H265_FORMAT.read(payload);
    if (read?.type === "whole") return this.#factsOf(read.nals);
    if (read?.type !== "piece") return NO_FACTS;
    const type = h265TypeOf(read.head);
    const isSet = isParameterSet(type);
    return {
      begin: read.start,
      first: false,
      keyframe: isKeyPicture(type) || isSet,
      ...(isSet ? { announces: true } : {}),
      discardable: this.#isUnreferenced(read.head),
      parameterSets: NO_FACTS.parameterSets,
    };
  }

  #factsOf(nals: readonly Uint8Array[]): PayloadFacts {
    const sets = nals.filter((nal) => H265_SETS.kindOf(nal) !== undefined);
    for (const set of sets) this.#learn(set);
    const pictures = nals.filter((nal) => h265TypeOf(nal) <= TYPE.pictureMax);
    const isKey = pictures.some((nal) => isKeyPicture(h265TypeOf(nal)));
    const announces = sets.length > 0 && pictures.length === 0;
    const unreferenced = pictures.every((nal) => this.#isUnreferenced(nal));
    return {
      begin: nals.length > 0,
      first: sets.some((set) => h265TypeOf(set) !== TYPE.pps),
      keyframe: isKey || announces,
      ...(announces ? { announces } : {}),
      discardable: !isKey && pictures.length > 0 && unreferenced,
      parameterSets: sets.map((set) => set.slice()),
    };
  }

  #learn(set: Uint8Array): void {
    const head = set[HEAD_BYTES];
    if (h265TypeOf(set) === TYPE.sps && head !== undefined) this.#highest = (head >> 1) & 7;
  }

  /** Higher sub-layers may refer to what its own one does not, so it must be in the highest. */
  #isUnreferenced(nal: Uint8Array): boolean {
    const type = h265TypeOf(nal);
    const isNonReference = type <= TYPE.subLayerNonReferenceMax && type % 2 === 0;
    return isNonReference && ((nal[1] ?? 0) & 7) - 1 === this.#highest;
  }
}

/** The first sequence parameter set of an access unit. */
export function findH265Sps(nals: readonly Uint8Array[]): Uint8Array | undefined {
  return nals.find((nal) => h265TypeOf(nal) === TYPE.sps);
}

function isKeyPicture(type: number): boolean {
  return type >= TYPE.keyMin && type <= TYPE.keyMax;
}

function isParameterSet(type: number): boolean {
  return type >= TYPE.vps && type <= TYPE.pps;
}

/** `nuh_layer_id`. */
function layerOf(nal: Uint8Array): number {
  return (((nal[0] as number) & 1) << 5) | ((nal[1] as number) >> 3);
}

function within(id: number | undefined, max: number): number | undefined {
  return id === undefined || id > max ? undefined : id;
}
