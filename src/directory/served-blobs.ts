import { LIMITS, MeanderError } from "../base/index.ts";
import { decodeBase64, encodeBase64 } from "../wire/index.ts";
import type { Directory, Json } from "./directory.ts";

/** Blobs that one client has begun to send and not finished, at once. */
const UPLOADS_MAX = 2;

/** A part of a blob on its way to the directory. */
export interface BlobPart {
  readonly upload: number;
  /** Of the whole blob. */
  readonly bytes: number;
  readonly offset: number;
  /** In base64. */
  readonly data: string;
}

interface Upload {
  /** Of the whole blob. */
  readonly bytes: number;
  /** What has come: memory is taken for what was sent, not for what was announced. */
  readonly parts: Uint8Array[];
  filled: number;
}

/** [D8] The blobs of one client, which travel in parts; the client asks for, or sends, one part after the other. */
export class ServedBlobs {
  readonly #directory: Directory;
  readonly #uploads = new Map<number, Upload>();

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** The part at `offset`; null for a blob that is not there. */
  async get(sha256: string, offset: number): Promise<Json> {
    const blob = await this.#directory.getBlob(sha256);
    if (blob === undefined) return null;
    const part = blob.subarray(offset, offset + LIMITS.directoryBlobPartBytes);
    return { bytes: blob.byteLength, data: encodeBase64(part) };
  }

  /** Takes the next part. The blob's sha-256 with the last one, null before. */
  async put(part: BlobPart): Promise<Json> {
    const upload = this.#uploadOf(part);
    const data = decodeBase64(part.data);
    const end = part.offset + (data?.byteLength ?? 0);
    const fits =
      upload.filled === part.offset && end <= upload.bytes && upload.bytes === part.bytes;
    if (data === undefined || !fits || (data.byteLength === 0 && part.bytes > 0)) {
      this.#uploads.delete(part.upload);
      throw new MeanderError("directory-blob-invalid", "that is not the next part of the blob", {
        where: `directory upload ${part.upload}`,
        expected: `base64 for offset ${upload.filled}`,
      });
    }
    upload.parts.push(data);
    upload.filled = end;
    if (end < part.bytes) return null;
    this.#uploads.delete(part.upload);
    return await this.#directory.putBlob(joined(upload));
  }

  /** Forgets what was not finished. */
  clear(): void {
    this.#uploads.clear();
  }

  #uploadOf({ upload, bytes }: BlobPart): Upload {
    const begun = this.#uploads.get(upload);
    if (begun !== undefined) return begun;
    if (bytes > LIMITS.directoryBlobBytesMax) {
      throw new MeanderError("directory-value-too-large", `the blob has ${bytes} bytes`, {
        where: "directory",
        expected: `at most ${LIMITS.directoryBlobBytesMax}`,
      });
    }
    if (this.#uploads.size >= UPLOADS_MAX) {
      throw new MeanderError("directory-busy", `${UPLOADS_MAX} blobs are on their way`, {
        where: "directory",
        next: "finish one before the next",
      });
    }
    const started: Upload = { bytes, parts: [], filled: 0 };
    this.#uploads.set(upload, started);
    return started;
  }
}

function joined({ bytes, parts }: Upload): Uint8Array {
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
