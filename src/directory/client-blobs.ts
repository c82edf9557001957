import { z } from "zod";
import { LIMITS, MeanderError } from "../base/index.ts";
import { decodeBase64, encodeBase64 } from "../wire/index.ts";
import type { Calls } from "./calls.ts";

const partSchema = z.object({
  bytes: z.int().min(0).max(LIMITS.directoryBlobBytesMax),
  data: z.string(),
});

/** [D8] Blobs as a client sends and gets them: a part at a time, each answered before the next. */
export class ClientBlobs {
  readonly #calls: Calls;
  #nextUpload = 1;
  /** Uploads follow one another: one blob at a time is what a directory keeps for a client. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Borrows `bytes` until it settles. */
  put(bytes: Uint8Array): Promise<string> {
    const sent = this.#last.then(() => this.#put(bytes));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async get(sha256: string): Promise<Uint8Array | undefined> {
    let whole: Uint8Array | undefined;
    let offset = 0;
    do {
      const call = { type: "get-blob", sha256, offset } as const;
      const part = await this.#calls.make(call, "repeat", partSchema.nullable());
      if (part === null) return undefined;
      whole ??= new Uint8Array(part.bytes);
      const data = decodeBase64(part.data);
      const fits = data !== undefined && offset + data.byteLength <= whole.byteLength;
      if (!fits || (data.byteLength === 0 && offset < whole.byteLength)) throw invalidAnswer();
      whole.set(data, offset);
      offset += data.byteLength;
    } while (offset < whole.byteLength);
    return whole;
  }

  async #put(bytes: Uint8Array): Promise<string> {
    const upload = this.#nextUpload++;
    const partBytes = LIMITS.directoryBlobPartBytes;
    for (let offset = 0; ; offset += partBytes) {
      const data = encodeBase64(bytes.subarray(offset, offset + partBytes));
      const call = { type: "put-blob", upload, bytes: bytes.byteLength, offset, data } as const;
      // The parts before went over the connection that ended, so there is nothing to go on with.
      const sha256 = await this.#calls.make(call, "fail", z.string().nullable());
      if (sha256 !== null) return sha256;
      if (offset + partBytes >= bytes.byteLength) throw invalidAnswer();
    }
  }
}

function invalidAnswer(): MeanderError {
  return new MeanderError("directory-answer-invalid", "not parts of a blob", {
    where: "directory",
  });
}
