import { createWriteStream, type WriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { LoggedArrival } from "../../client/test-stream/index.ts";

const HEADER = "arrivalMs,number,interArrivalMs,latencyMs\n";

/** A file with a line for each arrival: CSV with a header; times with three digits of a millisecond. */
export class ArrivalLog {
  /** Settles when the file cannot be written any more: with why. */
  readonly failed: Promise<MeanderError>;
  readonly #stream: WriteStream;

  private constructor(file: string, stream: WriteStream) {
    this.#stream = stream;
    this.failed = new Promise((resolve) => {
      stream.once("error", (error) => resolve(unwritable(file, error)));
    });
    stream.write(HEADER);
  }

  /** Replaces a file that exists. @throws {MeanderError} `log-unwritable` */
  static async open(file: string): Promise<ArrivalLog> {
    try {
      return new ArrivalLog(file, createWriteStream(file, { fd: await open(file, "w") }));
    } catch (cause) {
      throw unwritable(file, cause);
    }
  }

  add({ arrivalMs, interArrivalMs, latencyMs, number }: LoggedArrival): void {
    const since = interArrivalMs === undefined ? "" : interArrivalMs.toFixed(3);
    const fields = [arrivalMs.toFixed(3), number, since, latencyMs.toFixed(3)];
    this.#stream.write(`${fields.join()}\n`);
  }

  /** Settles when all lines are written, or cannot be. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed) return resolve();
      this.#stream.once("close", () => resolve());
      this.#stream.end();
    });
  }
}

function unwritable(file: string, cause: unknown): MeanderError {
  return new MeanderError("log-unwritable", messageOf(cause), {
    where: `argument --log ${file}`,
    expected: "a file that can be written",
    cause,
  });
}
