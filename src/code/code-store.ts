import { LIMITS, MeanderError } from "../base/index.ts";
import { decodeCode, encodeCode, hashOf } from "./code-blob.ts";
import type { PreparedCode } from "./prepared-code.ts";

/** Where code is kept for all sites, by the sha-256 of its bytes. */
export interface CodeBlobs {
  /** Undefined when there are none of this hash. */
  fetch(sha256: string): Promise<Uint8Array | undefined>;
  /** Settles when others can fetch them. */
  put(bytes: Uint8Array): Promise<unknown>;
}

/** What is kept, and what of memory it takes. */
interface Kept {
  readonly code: PreparedCode;
  readonly bytes: number;
}

/** Prepared code by its hash: in memory what was used last, the rest in the directory's blobs. */
export class CodeStore {
  readonly #blobs: CodeBlobs | undefined;
  readonly #bytesMax: number;
  /** Used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  /** Fetches on their way, by hash. */
  readonly #fetching = new Map<string, Promise<PreparedCode>>();
  #bytes = 0;

  /**
   * @param blobs undefined: there is memory alone, and nothing is forgotten
   * @param bytesMax of memory
   */
  constructor(blobs?: CodeBlobs, bytesMax: number = LIMITS.agentCodeCacheBytesMax) {
    this.#blobs = blobs;
    this.#bytesMax = blobs === undefined ? Number.POSITIVE_INFINITY : bytesMax;
  }

  /** Keeps code; settles when other sites can fetch it. @throws what {@link CodeBlobs.put} throws */
  async put(code: PreparedCode): Promise<void> {
    const bytes = encodeCode(code);
    await this.#blobs?.put(bytes);
    this.#keep(code, bytes.byteLength);
  }

  /**
   * The code with this hash.
   *
   * @throws {MeanderError} `code-missing` not in the directory, `code-damaged` the bytes have another hash; what {@link
   *   CodeBlobs.fetch} throws
   */
  get(sha256: string): Promise<PreparedCode> {
    const kept = this.#kept.get(sha256);
    if (kept !== undefined) {
      this.#kept.delete(sha256);
      this.#kept.set(sha256, kept);
      return Promise.resolve(kept.code);
    }
    const before = this.#fetching.get(sha256);
    if (before !== undefined) return before;
    const fetching = this.#fetch(sha256).finally(() => this.#fetching.delete(sha256));
    this.#fetching.set(sha256, fetching);
    return fetching;
  }

  async #fetch(sha256: string): Promise<PreparedCode> {
    const bytes = await this.#blobs?.fetch(sha256);
    if (bytes === undefined) {
      throw new MeanderError("code-missing", "the directory has no code with this hash", {
        where: `code ${sha256}`,
        next: "attach the agent again",
      });
    }
    const code = (await hashOf(bytes)) === sha256 ? decodeCode(bytes) : undefined;
    if (code === undefined) {
      throw new MeanderError(
        "code-damaged",
        `${bytes.byteLength} bytes came that are not this code`,
        {
          where: `code ${sha256}`,
        },
      );
    }
    const prepared = { sha256, ...code };
    this.#keep(prepared, bytes.byteLength);
    return prepared;
  }

  #keep(code: PreparedCode, bytes: number): void {
    const before = this.#kept.get(code.sha256);
    if (before !== undefined) this.#forget(code.sha256, before);
    this.#kept.set(code.sha256, { code, bytes });
    this.#bytes += bytes;
    for (const [sha256, oldest] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#forget(sha256, oldest);
    }
  }

  #forget(sha256: string, { bytes }: Kept): void {
    this.#kept.delete(sha256);
    this.#bytes -= bytes;
  }
}
