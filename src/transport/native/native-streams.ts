import type { Clock } from "../../base/index.ts";
import type { NativeCalls } from "./native-calls.ts";
import { StreamReads } from "./stream-reads.ts";
import { StreamWrites } from "./stream-writes.ts";

/** What passes by the runtime's streams, for the sockets of one thread that it can serve. */
export class NativeStreams implements Disposable {
  readonly writes: StreamWrites;
  readonly reads: StreamReads;

  constructor({ calls, clock }: { readonly calls: NativeCalls; readonly clock: Clock }) {
    this.reads = new StreamReads({ calls, clock });
    // Viewers answer what they are sent, and each additional wake-up is expensive.
    this.writes = new StreamWrites(calls, () => this.reads.suggest());
  }

  /** Lets the streams do everything again. */
  [Symbol.dispose](): void {
    this.reads[Symbol.dispose]();
  }
}
