import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../../base/index.ts";
import type { AuditStore } from "../../trust/index.ts";

/** Only the site's user reads and writes them. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const LINE_FEED = 0x0a;
/** Whatever else happens to the file, lines are put behind what it has; no link is followed. */
const APPENDING =
  constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | (constants.O_NOFOLLOW ?? 0);
/** Bytes that are read at once. */
const PART_BYTES = 64 * 1024;

/**
 * An audit log in a folder: `audit.jsonl`, which grows, and `audit.1.jsonl`, which came before it, and so on. Only its
 * user reads them. What was appended survives the end of the process; the system writes it to the disk when it likes.
 */
export class AuditFiles implements AuditStore {
  readonly #folder: string;
  #file: FileHandle;
  #bytes: number;
  /** The file ends within a line. */
  #isTorn: boolean;

  /** Makes the folder if necessary. @throws what the file system does */
  static async open(folder: string): Promise<AuditFiles> {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const { file, bytes } = await openFile(pathOf(folder, 0));
    return new AuditFiles(folder, file, bytes, await endsInLine(file, bytes));
  }

  private constructor(folder: string, file: FileHandle, bytes: number, isTorn: boolean) {
    this.#folder = folder;
    this.#file = file;
    this.#bytes = bytes;
    this.#isTorn = isTorn;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(lines: Uint8Array): Promise<void> {
    const whole = this.#isTorn ? Buffer.concat([Buffer.of(LINE_FEED), lines]) : lines;
    let written = 0;
    try {
      while (written < whole.byteLength) {
        const { bytesWritten } = await this.#file.write(whole, written);
        written += bytesWritten;
      }
      this.#isTorn = false;
      this.#bytes += written;
    } catch (error) {
      await this.#takeBack(written);
      throw error;
    }
  }

  async rotate(): Promise<void> {
    // Made first: where there is no room for it, everything stays as it is.
    const next = join(this.#folder, "audit.next.jsonl");
    const { file, bytes } = await openFile(next);
    try {
      await rm(pathOf(this.#folder, LIMITS.auditFilesMax - 1), { force: true });
      for (let age = LIMITS.auditFilesMax - 2; age >= 0; age--)
        await rename(pathOf(this.#folder, age), pathOf(this.#folder, age + 1)).catch(unlessMissing);
      await rename(next, pathOf(this.#folder, 0));
    } catch (error) {
      await file.close();
      throw error;
    }
    const before = this.#file;
    this.#file = file;
    this.#bytes = bytes;
    this.#isTorn = false;
    await before.close();
  }

  async *read(): AsyncGenerator<readonly string[]> {
    for (let age = 0; age < LIMITS.auditFilesMax; age++) {
      const file = await open(pathOf(this.#folder, age), "r").catch(unlessMissing);
      if (file === undefined) continue;
      try {
        yield* linesFromTheEnd(file);
      } finally {
        await file.close();
      }
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Part of a line was written: without it, the file ends in a whole one. */
  async #takeBack(written: number): Promise<void> {
    if (written === 0) return;
    try {
      await this.#file.truncate(this.#bytes);
    } catch {
      this.#isTorn = true;
      this.#bytes += written;
    }
  }
}

function pathOf(folder: string, age: number): string {
  return join(folder, age === 0 ? "audit.jsonl" : `audit.${age}.jsonl`);
}

async function openFile(path: string): Promise<{ readonly file: FileHandle; bytes: number }> {
  const file = await open(path, APPENDING, FILE_MODE);
  try {
    const { size, mode } = await file.stat();
    if ((mode & 0o077) !== 0) await file.chmod(FILE_MODE);
    return { file, bytes: size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function endsInLine(file: FileHandle, bytes: number): Promise<boolean> {
  if (bytes === 0) return false;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, bytes - 1);
  return last[0] !== LINE_FEED;
}

/** The lines of a file, in batches, the last one first. */
async function* linesFromTheEnd(file: FileHandle): AsyncGenerator<readonly string[]> {
  let end = (await file.stat()).size;
  /** What is read already of a line whose beginning is not. */
  let rest: Uint8Array = new Uint8Array(0);
  while (end > 0) {
    const start = Math.max(0, end - PART_BYTES);
    const part = Buffer.alloc(end - start);
    const { bytesRead } = await file.read(part, 0, part.byteLength, start);
    const text = Buffer.concat([part.subarray(0, bytesRead), rest]);
    const first = start === 0 ? 0 : text.indexOf(LINE_FEED) + 1;
    const isWithin = start > 0 && first === 0;
    // A line of this log is far shorter than a part: what has no line feed is none.
    rest = isWithin ? new Uint8Array(0) : text.subarray(0, first);
    const lines = isWithin ? "" : text.subarray(first).toString("utf8");
    yield lines
      .split("\n")
      .filter((line) => line !== "")
      .reverse();
    end = start;
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
