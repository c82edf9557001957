import {
  closeSync,
  existsSync,
  constants as fileConstants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import Module, { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { Script } from "node:vm";
import { crc32 } from "node:zlib";

const MAGIC = "meander code 1";
/**
 * A file that was written longer ago is removed, ms: most belong to versions that are gone, the others are made again.
 */
const KEPT_MS = 30 * 86_400_000;
/** What a group and others may do with the folder and the files: nothing. */
const NOT_OWNERS = 0o077;

/** A source as it was when it was compiled. */
interface SourceState {
  readonly size: number;
  readonly mtimeMs: number;
}

/** What V8 keeps of one script. */
interface Kept extends SourceState {
  readonly data: Uint8Array;
}

/** A script of this process that is not in the file. */
interface Compiled extends SourceState {
  readonly script: Script;
}

/** The first line of a file; what V8 kept of each script follows, in this order. */
interface Head {
  readonly magic: string;
  readonly crc: number;
  readonly scripts: readonly (SourceState & { readonly name: string; readonly bytes: number })[];
}

/**
 * What V8 compiled of the CommonJS scripts in one folder, in a file, so that the next process need not parse and
 * compile them.
 *
 * The file is read and written only where it and its folder belong to this user and no other user may read or write
 * them: V8
 * runs what it finds there. It is not used for a source that has changed since, nor when it is damaged; V8 itself
 * refuses what
 * another version of it made. All failures are ignored: without the cache a process starts slower.
 *
 * The scripts must not call `import()`: Node 20 loses what that needs when the code comes from a cache.
 */
export class CodeCache {
  readonly #file: string;
  readonly #folder: string;
  /** What the file holds; undefined: not in memory. */
  #kept: Map<string, Kept> | undefined;
  readonly #compiled = new Map<string, Compiled>();

  /**
   * @param file where it is kept
   * @param folder of the scripts
   */
  constructor(file: string, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  /** From now on, compiles the scripts that are required in this thread. */
  install(): void {
    const cache = this;
    const folder = this.#folder;
    const prototype = Module.prototype as unknown as { _compile: Compile };
    const compile = prototype._compile;
    prototype._compile = function (this: Module, ...args) {
      const [content, path] = args;
      if (dirname(path) !== folder) return compile.apply(this, args);
      const run = cache.#compile(content, path).runInThisContext() as Wrapped;
      run.call(this.exports, this.exports, createRequire(path), this, path, folder);
    };
  }

  /** Adds to the file what was compiled and is not in it. Also frees memory: best called when a program has started. */
  save(): void {
    // Not what the file has already: by now V8 may have forgotten what only the start needed.
    if (this.#compiled.size > 0) this.#forgetMissing();
    for (const [name, { script, size, mtimeMs }] of this.#compiled) {
      this.#keptScripts.set(name, { size, mtimeMs, data: script.createCachedData() });
    }
    try {
      if (this.#compiled.size > 0) write(this.#file, this.#keptScripts);
    } catch {
      // A full disk, or a folder that is not ours.
    }
    this.#compiled.clear();
    this.#kept = undefined;
  }

  get #keptScripts(): Map<string, Kept> {
    this.#kept ??= read(this.#file) ?? new Map<string, Kept>();
    return this.#kept;
  }

  /** Scripts of an earlier version of the program. */
  #forgetMissing(): void {
    for (const name of this.#keptScripts.keys()) {
      if (!existsSync(join(this.#folder, name))) this.#keptScripts.delete(name);
    }
  }

  #compile(content: string, path: string): Script {
    const { size, mtimeMs } = statSync(path);
    const name = basename(path);
    const kept = this.#keptScripts.get(name);
    const isSame = kept !== undefined && kept.size === size && kept.mtimeMs === mtimeMs;
    const script = new Script(Module.wrap(content), {
      filename: path,
      ...(isSame ? { cachedData: kept.data } : {}),
    });
    if (script.cachedDataRejected !== false) this.#compiled.set(name, { size, mtimeMs, script });
    return script;
  }
}

/** What Node calls with the text of each script. */
type Compile = (this: Module, content: string, path: string, ...more: unknown[]) => void;
/** What {@link Module.wrap} makes of a text. */
type Wrapped = (
  this: unknown,
  exports: unknown,
  require: NodeJS.Require,
  module: Module,
  path: string,
  folder: string,
) => void;

function read(file: string): Map<string, Kept> | undefined {
  let descriptor: number | undefined;
  try {
    if (!isPrivate(lstatSync(dirname(file)))) return undefined;
    descriptor = openSync(file, fileConstants.O_RDONLY | (fileConstants.O_NOFOLLOW ?? 0));
    if (!isPrivate(fstatSync(descriptor))) return undefined;
    return decode(readFileSync(descriptor));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function decode(bytes: Buffer): Map<string, Kept> | undefined {
  const end = bytes.indexOf("\n");
  const head = JSON.parse(bytes.toString("utf8", 0, end)) as Head;
  const body = bytes.subarray(end + 1);
  if (head.magic !== MAGIC || head.crc !== crc32(body)) return undefined;
  const kept = new Map<string, Kept>();
  let at = 0;
  for (const { name, size, mtimeMs, bytes: length } of head.scripts) {
    kept.set(name, { size, mtimeMs, data: body.subarray(at, at + length) });
    at += length;
  }
  return kept;
}

function write(file: string, scripts: ReadonlyMap<string, Kept>): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isPrivate(lstatSync(folder))) return;
  const body = Buffer.concat([...scripts.values()].map(({ data }) => data));
  const head: Head = {
    magic: MAGIC,
    crc: crc32(body),
    scripts: [...scripts].map(([name, { size, mtimeMs, data }]) => {
      return { name, size, mtimeMs, bytes: data.byteLength };
    }),
  };
  // Readers have the old file or the new one, and two writers do not meet.
  const fresh = `${file}.${process.pid}`;
  try {
    writeFileSync(fresh, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]), {
      mode: 0o600,
      flag: "wx",
    });
    renameSync(fresh, file);
    removeOld(folder, statSync(file).mtimeMs - KEPT_MS);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function removeOld(folder: string, beforeMs: number): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (name.endsWith(".bin") && lstatSync(file).mtimeMs < beforeMs) rmSync(file, { force: true });
  }
}

/** Where files have no owners, the folder of the user's profile is what protects them. */
function isPrivate({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return process.getuid === undefined || (uid === process.getuid() && (mode & NOT_OWNERS) === 0);
}
