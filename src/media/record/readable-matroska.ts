/** Matroska elements (RFC 9559) that matter here. */
const ID = {
  segment: 0x18_53_80_67,
  seekHead: 0x11_4d_9b_74,
  cluster: 0x1f_43_b6_75,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
} as const;
const VOID = 0xec;

/**
 * Keeps a Matroska file readable while it grows. The muxer writes placeholder sizes and an index that points nowhere,
 * and corrects both at the end; readers of an incomplete file fail on them. So until they are corrected, sizes are
 * "unknown" and the index is empty space.
 */
export class ReadableMatroska {
  /** Position of the next element to examine. */
  #next = 0;
  #isFinal = false;

  /** From now on the muxer writes final values. */
  finish(): void {
    this.#isFinal = true;
  }

  /**
   * Examines bytes before they are written to the file, and modifies them where necessary. Bytes at earlier positions
   * are corrections, and stay as they are.
   *
   * @param data whole elements, as the muxer flushes them
   * @param position of `data` in the file
   * @returns how many frames they hold
   */
  pass(data: Uint8Array, position: number): number {
    let frames = 0;
    if (this.#next < position) return frames;
    let lastCluster: Element | undefined;
    while (this.#next < position + data.byteLength) {
      const element = readElement(data, this.#next - position);
      if (element === undefined) {
        // An unknown element: the rest stays as it is.
        this.#next = Number.POSITIVE_INFINITY;
        break;
      }
      const { id, at, end } = element;
      if (!this.#isFinal) {
        if (id === ID.segment) setUnknownSize(data, element);
        if (id === ID.seekHead) setVoid(data, element);
        if (id === ID.cluster) lastCluster = element;
      }
      if (id === ID.simpleBlock || id === ID.blockGroup) frames++;
      // The contents of these elements are examined, those of others are not.
      const isEntered = id === ID.segment || id === ID.cluster;
      this.#next = position + (isEntered ? at : end);
    }
    if (lastCluster !== undefined) setUnknownSize(data, lastCluster);
    return frames;
  }
}

interface Element {
  readonly id: number;
  /** Offsets of its beginning, its size field, its content and its end. */
  readonly begin: number;
  readonly sizeAt: number;
  readonly at: number;
  readonly end: number;
}

function readElement(data: Uint8Array, begin: number): Element | undefined {
  const idBytes = lengthOf(data[begin]);
  if (idBytes === undefined || idBytes > 4) return undefined;
  const sizeAt = begin + idBytes;
  const sizeBytes = lengthOf(data[sizeAt]);
  if (sizeBytes === undefined || sizeAt + sizeBytes > data.byteLength) return undefined;
  const id = readNumber(data, begin, idBytes);
  const size = readNumber(data, sizeAt, sizeBytes) - 2 ** (7 * sizeBytes);
  const at = sizeAt + sizeBytes;
  return { id, begin, sizeAt, at, end: at + size };
}

/** RFC 8794 §4: the number of leading zeros is the length. */
function lengthOf(first: number | undefined): number | undefined {
  return first === undefined || first === 0 ? undefined : Math.clz32(first) - 23;
}

function readNumber(data: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value = value * 256 + (data[at + index] ?? 0);
  return value;
}

/** RFC 8794 §6.2: all ones. */
function setUnknownSize(data: Uint8Array, { sizeAt, at }: Element): void {
  const count = at - sizeAt;
  data.fill(0xff, sizeAt, at);
  data[sizeAt] = 0xff >> (count - 1);
}

/** Replaces the element by a Void, with one byte of id and eight of size. */
function setVoid(data: Uint8Array, { begin, end }: Element): void {
  const HEAD = 9;
  if (end - begin < HEAD) return;
  data.fill(0, begin, end);
  data[begin] = VOID;
  data[begin + 1] = 0x01;
  new DataView(data.buffer, data.byteOffset).setUint32(begin + 5, end - begin - HEAD);
}
