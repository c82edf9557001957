import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";

/** A file that is being written. Errors are thrown, with the `code` of the system. */
export interface SegmentFile {
  /** Writes all bytes, however long it takes. */
  write(data: Uint8Array, position: number): void | Promise<void>;
  /** Truncates the file to `bytes`. */
  truncate(bytes: number): void;
  /** Flushes what was written to the disk. */
  close(): void;
  /** Closes and deletes the file. */
  remove(): void;
}

/** Creates a file. Throws when it exists. */
export type OpenSegmentFile = (path: string) => SegmentFile;

/**
 * Writes synchronously: nothing else runs in this thread meanwhile, and no other thread is blocked, unlike the threads
 * that Node shares for file access. So this is for processes and workers that only record.
 */
export const openBlockingFile: OpenSegmentFile = (path) => {
  const descriptor = openSync(path, "wx");
  return {
    write(data, position) {
      for (let at = 0; at < data.byteLength; ) {
        at += writeSync(descriptor, data, at, data.byteLength - at, position + at);
      }
    },
    truncate: (bytes) => ftruncateSync(descriptor, bytes),
    close() {
      try {
        fdatasyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
    remove() {
      closeSync(descriptor);
      rmSync(path, { force: true });
    },
  };
};
