import { writeSync } from "node:fs";

const STANDARD_ERROR = 2;
/**
 * A reader that reads nothing delays a line by at most this many pauses of so many ms; the rest of the line is lost.
 */
const ATTEMPTS_MAX = 20;
const PAUSE_MS = 5;

/** Writes a line synchronously, so that it is out before the process ends. A closed reader is not an error. */
export function writeStandardError(line: string): void {
  let rest = Buffer.from(line);
  for (let attempt = 0; rest.byteLength > 0 && attempt < ATTEMPTS_MAX; ) {
    try {
      rest = rest.subarray(writeSync(STANDARD_ERROR, rest));
    } catch (error) {
      // A pipe that does not block and is full. Anything else, such as EPIPE, does not pass.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      attempt++;
      pause(PAUSE_MS);
    }
  }
}

/** Blocks the thread. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
