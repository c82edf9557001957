import { open } from "node:fs/promises";

/** A box head is size and type; a large size follows in eight bytes more. */
const HEAD_BYTES = 16;
const BOXES_MAX = 10_000;

/**
 * What is missing in an MP4 or MOV that cannot be read, for people; undefined: it is none, or nothing is missing. Such a
 * file has its index where its writer put it last, so one that was cut off has none.
 */
export async function whyUnreadable(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { size: fileBytes } = await file.stat();
    if (fileBytes === 0) return "it is empty";
    const head = Buffer.alloc(HEAD_BYTES);
    let hasIndex = false;
    let at = 0;
    for (let count = 0; at < fileBytes && count < BOXES_MAX; count++) {
      const { bytesRead } = await file.read(head, 0, HEAD_BYTES, at);
      const type = head.toString("latin1", 4, 8);
      if (count === 0 && !["ftyp", "wide", "moov", "mdat", "free", "skip"].includes(type))
        return undefined;
      const short = head.readUInt32BE(0);
      const bytes =
        short === 1 && bytesRead === HEAD_BYTES ? Number(head.readBigUInt64BE(8)) : short;
      if (type === "moov") hasIndex = true;
      // 0: up to the end of the file.
      at = bytes === 0 ? fileBytes : at + Math.max(8, bytes);
    }
    if (at > fileBytes && !hasIndex) return "it is cut off, and its index (moov) is missing";
    if (!hasIndex) return "its index (moov) is missing";
    return at > fileBytes ? "it is cut off" : undefined;
  } finally {
    await file.close();
  }
}
