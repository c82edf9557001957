import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/**
 * What names this run of the machine (random(4)); undefined where the system does not say. After a power cut or a crash
 * of the kernel it is another.
 */
export function bootId(): string | undefined {
  try {
    return readFileSync(BOOT_ID, "latin1").trim();
  } catch {
    return undefined;
  }
}

/**
 * A note beside a file that is written without waiting for the disk: in which run of the machine that began. While it
 * is there, the file is sound only in that run.
 */
export class BootMark {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The run of the machine in which the file was last written and not finished; undefined: it is finished. */
  read(): string | undefined {
    try {
      return readFileSync(this.#path, "latin1").trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Writes the note, on the disk when this returns. */
  set(boot: string): void {
    const file = openSync(this.#path, "w", 0o600);
    try {
      writeSync(file, `${boot}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    sync(dirname(this.#path));
  }

  /** Brings the file to the disk, then removes the note. */
  clear(file: string): void {
    sync(file);
    rmSync(this.#path, { force: true });
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
