import { type FileHandle, open } from "node:fs/promises";

/** What is missing in a file. */
export interface ClipDamage {
  /** For people. */
  readonly why: string;
  /** Whether what is there can be published: the file carries its index with its frames, piece by piece. */
  readonly isPlayable: boolean;
}

/** A box head is size and type; a large size follows in eight bytes more. */
const HEAD_BYTES = 16;
const BOXES_MAX = 10_000;
const EBML = 0x1a45_dfa3;
const SEGMENT = 0x1853_8067;
/** What an MP4 or MOV begins with. */
const FIRST_BOXES = ["ftyp", "wide", "moov", "mdat", "free", "skip"];

/**
 * What is missing in a file by the sizes that it states; undefined: nothing, or its format is not known here.
 *
 * An MP4 or MOV without its index cannot be read, and one whose index comes first promises frames that it does not
 * have. One in fragments and a Matroska file can be read up to where they are cut off, as a recorder that was killed
 * leaves them.
 */
export async function clipDamage(path: string): Promise<ClipDamage | undefined> {
  const file = await open(path);
  try {
    const { size: fileBytes } = await file.stat();
    if (fileBytes === 0) return { why: "it is empty", isPlayable: false };
    const head = Buffer.alloc(HEAD_BYTES);
    await file.read(head, 0, HEAD_BYTES, 0);
    if (head.readUInt32BE(0) === EBML) return await damageOfMatroska(file, fileBytes);
    return FIRST_BOXES.includes(head.toString("latin1", 4, 8))
      ? await damageOfBoxes(file, fileBytes)
      : undefined;
  } finally {
    await file.close();
  }
}

async function damageOfBoxes(file: FileHandle, fileBytes: number): Promise<ClipDamage | undefined> {
  const head = Buffer.alloc(HEAD_BYTES);
  const types = new Set<string>();
  let at = 0;
  for (let count = 0; at < fileBytes; count++) {
    if (count === BOXES_MAX) return undefined;
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, at);
    if (bytesRead >= 8) types.add(head.toString("latin1", 4, 8));
    const short = bytesRead >= 4 ? head.readUInt32BE(0) : 1;
    const bytes = short === 1 && bytesRead === HEAD_BYTES ? Number(head.readBigUInt64BE(8)) : short;
    // 0: up to the end of the file.
    at = bytes === 0 ? fileBytes : at + Math.max(8, bytes);
  }
  const isCut = at > fileBytes;
  if (!types.has("moov")) {
    const missing = "its index (moov) is missing";
    return { why: isCut ? `it is cut off, and ${missing}` : missing, isPlayable: false };
  }
  // The index is there at most in part when it is the box that is cut off.
  return isCut
    ? { why: cutOff(fileBytes, at), isPlayable: types.has("moof") || types.has("styp") }
    : undefined;
}

async function damageOfMatroska(
  file: FileHandle,
  fileBytes: number,
): Promise<ClipDamage | undefined> {
  const head = Buffer.alloc(2 * HEAD_BYTES);
  await file.read(head, 0, head.length, 0);
  const ebml = elementSize(head, 4);
  if (ebml === undefined) return undefined;
  const at = ebml.end + ebml.bytes;
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, at);
  if (bytesRead < HEAD_BYTES || head.readUInt32BE(0) !== SEGMENT) return undefined;
  // A live recording does not state the size of its segment (RFC 8794, 6.2).
  const segment = elementSize(head, 4);
  if (segment === undefined) return undefined;
  const end = at + segment.end + segment.bytes;
  return end > fileBytes ? { why: cutOff(fileBytes, end), isPlayable: true } : undefined;
}

/** The size of an EBML element whose size field begins at `at` (RFC 8794, 4); undefined: unknown, or not one. */
function elementSize(bytes: Buffer, at: number): { bytes: number; end: number } | undefined {
  const first = bytes[at] as number;
  const width = Math.clz32(first) - 23;
  if (width > 8) return undefined;
  let value = first & (0xff >> width);
  let isUnknown = value === 0xff >> width;
  for (let index = 1; index < width; index++) {
    const byte = bytes[at + index] as number;
    isUnknown &&= byte === 0xff;
    value = value * 256 + byte;
  }
  return isUnknown ? undefined : { bytes: value, end: at + width };
}

function cutOff(have: number, wanted: number): string {
  return `it is cut off: it has ${have} of ${wanted} bytes`;
}
