import { createWriteStream, type WriteStream } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { MeanderError, messageOf } from "../base/index.ts";

/** A file that a verb was asked to write to, as long as it runs. */
export class OutputFile {
  /** Settles when it cannot be written to any more: with `output-unwritable`. */
  readonly failed: Promise<MeanderError>;
  readonly #stream: WriteStream;

  private constructor(argument: string, stream: WriteStream) {
    this.#stream = stream;
    this.failed = new Promise((resolve) => {
      stream.once("error", (cause) => resolve(outputUnwritable(argument, cause)));
    });
  }

  /**
   * Replaces a file that exists.
   *
   * @param option for errors: `--output`
   * @throws {MeanderError} `output-unwritable`
   */
  static async open(option: string, file: string): Promise<OutputFile> {
    const argument = `${option} ${file}`;
    try {
      return new OutputFile(argument, createWriteStream(file, { fd: await open(file, "w") }));
    } catch (cause) {
      throw outputUnwritable(argument, cause);
    }
  }

  /** Adds to it; does nothing once it has failed. */
  write(part: string | Uint8Array): void {
    if (!this.#stream.destroyed) this.#stream.write(part);
  }

  /** Settles when all of it is written, or cannot be. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.closed || this.#stream.destroyed) return resolve();
      this.#stream.once("close", () => resolve());
      this.#stream.end();
    });
  }
}

/**
 * Writes a whole file that a verb was asked for.
 *
 * @param options mode: default 0o666, less the umask; isNew: it may not exist yet
 * @throws {MeanderError} `output-unwritable`
 */
export async function writeOutput(
  option: string,
  file: string,
  text: string,
  { mode, isNew = false }: { readonly mode?: number; readonly isNew?: boolean } = {},
): Promise<void> {
  try {
    await writeFile(file, text, { mode: mode ?? 0o666, flag: isNew ? "wx" : "w" });
  } catch (cause) {
    throw outputUnwritable(`${option} ${file}`, cause);
  }
}

function outputUnwritable(argument: string, cause: unknown): MeanderError {
  const exists = (cause as NodeJS.ErrnoException)?.code === "EEXIST";
  return new MeanderError("output-unwritable", exists ? "it exists already" : messageOf(cause), {
    where: `argument ${argument}`,
    expected: `a file that ${exists ? "does not exist yet" : "can be written"}, in a folder that exists`,
    cause,
  });
}
