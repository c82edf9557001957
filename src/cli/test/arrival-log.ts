import type { MeanderError } from "../../base/index.ts";
import type { LoggedArrival } from "../../client/test-stream/index.ts";
import { OutputFile } from "../output-file.ts";

const HEADER = "arrivalMs,number,interArrivalMs,latencyMs\n";

/** A file with a line for each arrival: CSV with a header; times with three digits of a millisecond. */
export class ArrivalLog {
  readonly #file: OutputFile;

  private constructor(file: OutputFile) {
    this.#file = file;
    file.write(HEADER);
  }

  /** Replaces a file that exists. @throws {MeanderError} `output-unwritable` */
  static async open(file: string): Promise<ArrivalLog> {
    return new ArrivalLog(await OutputFile.open("--log", file));
  }

  /** Settles when the file cannot be written any more: with why. */
  get failed(): Promise<MeanderError> {
    return this.#file.failed;
  }

  add({ arrivalMs, interArrivalMs, latencyMs, number }: LoggedArrival): void {
    const since = interArrivalMs === undefined ? "" : interArrivalMs.toFixed(3);
    const fields = [arrivalMs.toFixed(3), number, since, latencyMs.toFixed(3)];
    this.#file.write(`${fields.join()}\n`);
  }

  /** Settles when all lines are written, or cannot be. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
