import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";

/** A file that is being written. What goes wrong is thrown, with the `code` of the system. */
export interface SegmentFile {
  /** Writes all of it. It may take its time. */
  write(data: Uint8Array, position: number): void | Promise<void>;
  /** Cuts the file off behind `bytes`. */
  truncate(bytes: number): void;
  /** What was written is on the disk then. */
  close(): void;
  /** Closes it and takes it away. */
  remove(): void;
}

/** Makes a file. Throws when it exists. */
export type OpenSegmentFile = (path: string) => SegmentFile;

/**
 * Writes at once and waits for the disk: nothing else runs in this thread meanwhile, and no other thread is held up, which
 * the threads that Node shares for its files would be. So this is for processes and workers that do nothing but record.
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
