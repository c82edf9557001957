const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** A line that was longer than allowed; its bytes are gone. */
export interface OverlongLine {
  /** Without its end. */
  readonly byteLength: number;
  readonly isOverlong: true;
}

/**
 * The lines of a byte stream, without their ends: a line feed, or a carriage return and a line feed. Bytes are not
 * interpreted otherwise, so any encoding passes. The last line needs no end.
 *
 * @param bytesMax of a line; a longer one is not collected
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array | OverlongLine> {
  /** Of the line that has not ended; all of them, or none once it is too long. */
  let parts: Uint8Array[] = [];
  let length = 0;
  let endsWithReturn = false;
  const add = (part: Uint8Array): void => {
    if (part.byteLength === 0) return;
    length += part.byteLength;
    endsWithReturn = part.at(-1) === CARRIAGE_RETURN;
    // One more than allowed, which may turn out to belong to the end of the line.
    if (length > bytesMax + 1) parts = [];
    else parts.push(part.slice());
  };
  const finish = (hasEnd: boolean): Uint8Array | OverlongLine => {
    const byteLength = hasEnd && endsWithReturn ? length - 1 : length;
    const line = byteLength > bytesMax ? undefined : joined(parts, byteLength);
    parts = [];
    length = 0;
    endsWithReturn = false;
    return line ?? { byteLength, isOverlong: true };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      add(chunk.subarray(start, end === -1 ? undefined : end));
      if (end === -1) break;
      yield finish(true);
      start = end + 1;
    }
  }
  if (length > 0) yield finish(false);
}

function joined(parts: readonly Uint8Array[], byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (const part of parts) {
    bytes.set(part.subarray(0, byteLength - at), at);
    at += part.byteLength;
  }
  return bytes;
}
