import { readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { MeanderError } from "../../base/index.ts";

/** Placeholders in the names of a recording's files. */
const PLACEHOLDERS = ["channel", "time", "number"] as const;
const NUMBER_DIGITS = 4;
/** Control characters: NUL ends a name for the system, others hide it from people. */
const UNUSABLE = /\p{Cc}/u;
/** Longest part of a path that file systems take, less what placeholders may add. */
const PART_BYTES_MAX = 200;

/** Names of a recording's files: `clip-{time}.webm`. */
export class FilePattern {
  readonly #folder: string;
  readonly #name: string;

  /**
   * @param text a path with `{channel}`, and in its last part `{time}` and `{number}`
   * @param where names it in errors
   * @throws {MeanderError} `recording-path`
   */
  constructor(text: string, channel: string, where: string) {
    const invalid = (what: string, expected: string): MeanderError =>
      new MeanderError("recording-path", what, { where, expected });
    for (const [, name = ""] of text.matchAll(/\{([^}]*)\}/g)) {
      if (!(PLACEHOLDERS as readonly string[]).includes(name))
        throw invalid(`got {${name}}`, PLACEHOLDERS.map((each) => `{${each}}`).join(", "));
    }
    if (/\{(time|number)\}/.test(dirname(text)))
      throw invalid("the folder would change", "{time} and {number} only in the name of the file");
    // A channel's name may have several parts; a file's has one.
    const filled = text.replaceAll("{channel}", channel.replaceAll("/", "_"));
    this.#folder = dirname(filled);
    this.#name = basename(filled);
  }

  get folder(): string {
    return this.#folder;
  }

  /**
   * The path of a file.
   *
   * @param wallMs when it begins
   * @param number of files before it, and 1
   * @param attempt 1, and more when such a file is there already
   */
  path(wallMs: number, number: number, attempt: number): string {
    const named = this.#name
      .replaceAll("{time}", formatTime(wallMs))
      .replaceAll("{number}", `${number}`.padStart(NUMBER_DIGITS, "0"));
    return join(this.#folder, attempt === 1 ? named : named.replace(/(\.[^.]*)$/, `-${attempt}$1`));
  }

  /** Files that this recording has written to a folder, also in earlier runs, oldest first. */
  existing(folder = this.#folder): { readonly path: string; readonly bytes: number }[] {
    const escaped = this.#name.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
    const pattern = escaped
      .replaceAll("{time}", "\\d{8}T\\d{6}Z")
      .replaceAll("{number}", "\\d{4,}")
      .replace(/(\\\.[^.]*)$/, "(?:-\\d+)?$1");
    const matches = new RegExp(`^${pattern}$`);
    return readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isFile() && matches.test(each.name))
      .map(({ name }) => {
        const path = join(folder, name);
        const { size, mtimeMs } = statSync(path);
        return { path, bytes: size, mtimeMs };
      })
      .sort((left, right) => left.mtimeMs - right.mtimeMs || (left.path < right.path ? -1 : 1))
      .map(({ path, bytes }) => ({ path, bytes }));
  }
}

/**
 * A path that a configuration names, below the folder of recordings.
 *
 * @param where names it in errors
 * @throws {MeanderError} `recording-path` when it leads out of the folder
 */
export function pathBelow(folder: string, path: string, where: string): string {
  if (
    UNUSABLE.test(path) ||
    path.split("/").some((part) => Buffer.byteLength(part) > PART_BYTES_MAX)
  ) {
    throw new MeanderError("recording-path", `${JSON.stringify(path.slice(0, 80))} is no path`, {
      where,
      expected: `parts of at most ${PART_BYTES_MAX} bytes, without control characters`,
    });
  }
  const root = resolve(folder);
  const full = resolve(root, path);
  const inside = relative(root, full);
  if (inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside))
    return full;
  throw new MeanderError("recording-path", `${JSON.stringify(path)} leads out of its folder`, {
    where,
    expected: `a file below ${root}`,
    next: "choose one there, or start the site with another --recordings FOLDER",
  });
}

/** `20261122T033611Z` */
function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, "");
}
