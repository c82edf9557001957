/** One packet that passed a `trace` module. */
export interface TraceEvent {
  /** On the clock of the site, ms. */
  readonly at: number;
  readonly direction: "sent" | "received";
  /** Of the packet header: see KIND in `wire`. */
  readonly kind: number;
  readonly flags: number;
  readonly channel: number;
  readonly source: number;
  readonly medium: number;
  readonly sequence: number;
  /** Bytes, header included. */
  readonly length: number;
}

/** What a `trace` module kept of one connection. */
export interface TraceRecord {
  /** The module and what is below it: `trace:udp`. */
  readonly stack: string;
  /** The peer as text. */
  readonly peer: string;
  /** Packets that passed. */
  readonly count: number;
  /** The newest of them, oldest first. */
  readonly events: readonly TraceEvent[];
}

/** What can be read of a `trace` module. */
export interface Trace {
  /** @param last how many events at most, the newest */
  read(last: number): TraceRecord;
}

/** The traces of the connections of a process. */
export class TraceRegistry {
  readonly #traces = new Set<Trace>();

  add(trace: Trace): void {
    this.#traces.add(trace);
  }

  delete(trace: Trace): void {
    this.#traces.delete(trace);
  }

  /** All that are open. */
  read(last: number): TraceRecord[] {
    return [...this.#traces].map((each) => each.read(last));
  }
}
