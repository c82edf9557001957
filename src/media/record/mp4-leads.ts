/** Boxes of fragmented MP4 (ISO/IEC 14496-12) that matter here. */
const ENTERED = ["moov", "trak", "mdia", "minf", "stbl", "moof", "traf"];
/** Sample entries whose parameter sets may stand among the samples, by those whose may not (ISO/IEC 14496-15). */
const IN_BAND: Readonly<Record<string, string>> = { avc1: "avc3", hvc1: "hev1" };
const FLAG = {
  dataOffset: 0x1,
  firstSampleFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  composition: 0x800,
} as const;

/**
 * Adds the lead of video to its composition offsets in fragments. Frames that are presented after later ones are
 * decoded ahead; the muxer writes that as negative composition offsets, which some players take for a shift of the
 * whole track against its audio. So the muxer gets times that are ahead by the lead, and here the lead is added to the
 * offsets, which are then never negative. Names sample entries after where their parameter sets may be.
 */
export class Mp4Leads {
  readonly #leadOf: (trackId: number) => number;
  readonly #timescales = new Map<number, number>();
  readonly #setsInBand: boolean;
  #trackId = 0;
  #frames = 0;

  /**
   * @param leadOf the lead of a track, s; track ids count from 1 in the order of the tracks
   * @param setsInBand whether parameter sets may stand among the samples
   */
  constructor(leadOf: (trackId: number) => number, setsInBand: boolean) {
    this.#leadOf = leadOf;
    this.#setsInBand = setsInBand;
  }

  /**
   * Modifies bytes before they are written to the file.
   *
   * @param data whole boxes, as the muxer flushes them
   * @returns how many frames they hold
   */
  pass(data: Uint8Array): number {
    this.#frames = 0;
    this.#walk(new DataView(data.buffer, data.byteOffset, data.byteLength), 0, data.byteLength);
    return this.#frames;
  }

  #walk(view: DataView, begin: number, end: number): void {
    let decodeTimeAt: number | undefined;
    for (let at = begin; at + 8 <= end; ) {
      const size = view.getUint32(at);
      const type = typeAt(view, at + 4);
      const next = size >= 8 ? at + size : end;
      if (next > end) return;
      const body = at + 12;
      if (type === "tkhd") this.#trackId = view.getUint32(body + (isLong(view, at) ? 16 : 8));
      if (type === "mdhd")
        this.#timescales.set(this.#trackId, view.getUint32(body + (isLong(view, at) ? 16 : 8)));
      if (type === "tfhd") this.#trackId = view.getUint32(body);
      if (type === "tfdt") decodeTimeAt = isLong(view, at) ? body : undefined;
      if (type === "trun") {
        this.#frames += view.getUint32(at + 12);
        this.#move(view, at, decodeTimeAt);
      }
      // After the count of entries.
      if (type === "stsd" && this.#setsInBand) this.#walk(view, at + 16, next);
      const inBand = this.#setsInBand ? IN_BAND[type] : undefined;
      if (inBand !== undefined) rename(view, at + 4, inBand);
      if (ENTERED.includes(type)) this.#walk(view, at + 8, next);
      at = next;
    }
  }

  #move(view: DataView, at: number, decodeTimeAt: number | undefined): void {
    const seconds = this.#leadOf(this.#trackId);
    const lead = Math.round(seconds * (this.#timescales.get(this.#trackId) ?? 0));
    if (lead === 0) return;
    const flags = view.getUint32(at + 8) & 0xff_ffff;
    if ((flags & FLAG.composition) === 0) {
      // If all frames arrive in presentation order, they are decoded later instead.
      if (decodeTimeAt !== undefined)
        view.setBigUint64(decodeTimeAt, view.getBigUint64(decodeTimeAt) + BigInt(lead));
      return;
    }
    const has = (flag: number): number => ((flags & flag) === 0 ? 0 : 4);
    const before = has(FLAG.duration) + has(FLAG.size) + has(FLAG.flags);
    const first = at + 16 + has(FLAG.dataOffset) + has(FLAG.firstSampleFlags);
    const count = view.getUint32(at + 12);
    for (let sample = 0; sample < count; sample++) {
      const offsetAt = first + sample * (before + 4) + before;
      if (offsetAt + 4 > view.byteLength) return;
      view.setInt32(offsetAt, view.getInt32(offsetAt) + lead);
    }
  }
}

function rename(view: DataView, at: number, type: string): void {
  for (let index = 0; index < 4; index++) view.setUint8(at + index, type.charCodeAt(index));
}

function typeAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
}

/** Version 1 has 64-bit times. */
function isLong(view: DataView, at: number): boolean {
  return view.getUint8(at + 8) === 1;
}
