/** Where an audit log is kept: a file that grows, and older ones. */
export interface AuditStore {
  /** Bytes of the file that grows. */
  readonly bytes: number;
  /** Appends whole lines. Rejects when they are not there, or not all of them. */
  append(lines: Uint8Array): Promise<void>;
  /** Begins a new file. The one that grew is the newest of the older ones then; the oldest beyond the bound goes. */
  rotate(): Promise<void>;
  /** The lines that are there, in batches, the newest first. It may end in a torn line, or have any. */
  read(): AsyncIterable<readonly string[]>;
}
