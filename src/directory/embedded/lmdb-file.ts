import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { MeanderError } from "../../base/index.ts";
import { keepOwnerOnly, OWNER_ONLY } from "./owner-only.ts";

/** Where the mark stands in the first page: behind the page's header, as this build of LMDB writes it. */
const MAGIC_OFFSET = 24;
const MAGIC = 0xbeef_c0de;
/** LMDB's smallest page; a file has at least two. */
const PAGE_BYTES_MIN = 512;

/**
 * Refuses a file that is not LMDB's before LMDB opens it: LMDB would end the process instead of throwing. A missing or
 * empty file is fine; LMDB creates it.
 *
 * @throws {MeanderError} `directory-unreadable`; what `node:fs` throws for files that cannot be read
 */
export function checkLmdbFile(path: string): void {
  const head = new DataView(new ArrayBuffer(MAGIC_OFFSET + 4));
  const bytes = readHead(path, head);
  if (bytes === 0) return;
  if (bytes >= 2 * PAGE_BYTES_MIN && head.getUint32(MAGIC_OFFSET, true) === MAGIC) return;
  throw new MeanderError("directory-unreadable", "the file is not a directory's", {
    where: path,
    expected: "a file that a leading site made",
    next: "move it away, or choose another folder",
  });
}

/** LMDB's own file beside the one with the data. */
const LOCK_SUFFIX = "-lock";

/**
 * Makes a file of LMDB and its lock, where they are not there, before LMDB does, which lets others read what it makes;
 * from then on they are their owner's alone, whatever they were before (docs/spec/access.md [A26]).
 *
 * @throws what `node:fs` throws
 */
export function keepLmdbFilePrivate(path: string): void {
  for (const each of [path, `${path}${LOCK_SUFFIX}`]) {
    const file = openSync(each, constants.O_RDWR | constants.O_CREAT, OWNER_ONLY);
    try {
      keepOwnerOnly(file);
    } finally {
      closeSync(file);
    }
  }
}

/** The size of the file; its start goes into `head`. */
function readHead(path: string, head: DataView): number {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  try {
    readSync(file, head, 0, head.byteLength, 0);
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}
