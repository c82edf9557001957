import { existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Clock, MeanderError, messageOf } from "../../base/index.ts";
import type { OpenSegmentFile, SegmentFile } from "../../media/index.ts";
import type { RecordRequest } from "../contract/recording.ts";
import { FilePattern } from "./file-pattern.ts";
import { makeFolderBelow } from "./folder-below.ts";

/** Names that are tried. */
const ATTEMPTS_MAX = 10_000;

/** Makes a recording's files one after the other, and removes the oldest. */
export class SegmentFiles {
  readonly #request: RecordRequest;
  readonly #pattern: FilePattern;
  readonly #clock: Clock;
  readonly #openFile: OpenSegmentFile;
  #count = 0;

  /** @throws {MeanderError} `recording-path` */
  constructor(request: RecordRequest, clock: Clock, openFile: OpenSegmentFile) {
    this.#request = request;
    this.#clock = clock;
    this.#openFile = openFile;
    this.#pattern = new FilePattern(request.to, request.channel, `recording ${request.to}`);
  }

  /**
   * Checks whether files can be made, so that a request for a recording fails at once.
   *
   * @throws {MeanderError} `recording-path`, `recording-exists`
   */
  check(): void {
    if (this.#request.unattended) return;
    const { folder } = this.#pattern;
    if (!existsSync(folder)) {
      throw new MeanderError("recording-path", "the folder does not exist", {
        where: folder,
        expected: "a folder that exists",
        next: "create it first",
      });
    }
    const path = this.#pattern.path(this.#clock.wall(), 1, 1);
    if (!existsSync(path)) return;
    throw new MeanderError("recording-exists", "a file of that name exists", {
      where: path,
      expected: "a new name; files are not overwritten",
      next: "choose another name, or put {time} into it",
    });
  }

  /** Makes the next file. @throws what the file system throws */
  open(): { readonly path: string; readonly file: SegmentFile } {
    const number = this.#count + 1;
    for (let attempt = 1; ; attempt++) {
      const path = this.#pattern.path(this.#clock.wall(), number, this.#nameAttempt(attempt));
      const folder = this.#makeFolder(dirname(path));
      try {
        const file = this.#openFile(join(folder, basename(path)));
        this.#count = number;
        return { path, file };
      } catch (error) {
        if (codeOf(error) !== "EEXIST" || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Removes the oldest files beyond the limits, never the newest. Returns the removed ones. */
  prune(): string[] {
    const { keepSegments = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } =
      this.#request;
    if (keepSegments === Number.POSITIVE_INFINITY && maxBytes === Number.POSITIVE_INFINITY)
      return [];
    const files = this.#pattern.existing(this.#makeFolder(this.#pattern.folder));
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const removed: string[] = [];
    while (files.length > 1 && (files.length > keepSegments || bytes > maxBytes)) {
      const oldest = files.shift();
      if (oldest === undefined) break;
      bytes -= oldest.bytes;
      rmSync(oldest.path, { force: true });
      removed.push(oldest.path);
    }
    return removed;
  }

  /** The folder after all links, made if it may be. @throws {MeanderError} `recording-path` */
  #makeFolder(folder: string): string {
    const { below, unattended } = this.#request;
    if (below !== undefined) return makeFolderBelow(below, folder);
    if (unattended) mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Later files of a name without placeholders are numbered from 2 on, without trying what was made already. */
  #nameAttempt(attempt: number): number {
    return /\{(time|number)\}/.test(this.#request.to) ? attempt : this.#count + attempt;
  }
}

/** Describes an error of the disk. */
export function describeDiskError(error: unknown): {
  readonly cause: string;
  readonly message: string;
} {
  const cause = codeOf(error) ?? "internal";
  const known = DISK_ERRORS[cause];
  return { cause, message: known ?? messageOf(error) };
}

const DISK_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of the disk is used up",
  EFBIG: "the file is as large as files may get there",
  EACCES: "writing there is not permitted",
  EPERM: "writing there is not permitted",
  EROFS: "the disk can only be read",
  ENOENT: "the folder does not exist",
  ENOTDIR: "part of the path is no folder",
  EISDIR: "that is a folder",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "this process has too many files open",
  EIO: "the disk has failed",
};

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
