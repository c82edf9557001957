import { createHash } from "node:crypto";
import { LIMITS, MeanderError } from "../../base/index.ts";
import type { DirectoryStore } from "./directory-store.ts";
import { fullError } from "./refusals.ts";

/** [D8] The blobs of a store, each kept once. */
export class KeptBlobs {
  readonly #store: DirectoryStore;

  constructor(store: DirectoryStore) {
    this.#store = store;
  }

  /**
   * Does not retain `bytes`. @throws {MeanderError} `directory-value-too-large`, `directory-full`,
   * `directory-write-failed`
   */
  async put(bytes: Uint8Array): Promise<string> {
    const { byteLength } = bytes;
    if (byteLength > LIMITS.directoryBlobBytesMax) {
      throw new MeanderError("directory-value-too-large", `the blob has ${byteLength} bytes`, {
        where: "directory",
        expected: `at most ${LIMITS.directoryBlobBytesMax}`,
      });
    }
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await this.#store.transaction(() => {
      if (this.#store.blob(sha256) !== undefined) return;
      if (this.#store.blobBytes + byteLength > LIMITS.directoryBlobsBytesMax) {
        throw fullError("bytes of blobs", LIMITS.directoryBlobsBytesMax);
      }
      this.#store.putBlob(sha256, bytes);
    });
    return sha256;
  }

  get(sha256: string): Uint8Array | undefined {
    return /^[0-9a-f]{64}$/.test(sha256) ? this.#store.blob(sha256) : undefined;
  }
}
