import { LIMITS } from "../../base/index.ts";
import type { DatagramTotals } from "../datagram-totals.ts";
import type { Remote } from "../datagrams.ts";
import { ERRNO, LAYOUT } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";
import type { RawRemotes } from "./raw-remotes.ts";

const MESSAGE_WORDS = LAYOUT.message / 4;
const NAME_WORDS = LAYOUT.address / 4;

/** Receives what else is there when a socket's first datagram has come. */
export class BatchReceiver {
  readonly #calls: NativeCalls;
  readonly #descriptor: number;
  readonly #remotes: RawRemotes;
  readonly #totals: DatagramTotals;
  readonly #onError: (error: number) => void;
  #isClosed = false;

  /** @param options `onError` receives the number of an error other than EAGAIN */
  constructor(options: {
    readonly calls: NativeCalls;
    readonly descriptor: number;
    readonly remotes: RawRemotes;
    readonly totals: DatagramTotals;
    readonly onError: (error: number) => void;
  }) {
    this.#calls = options.calls;
    this.#descriptor = options.descriptor;
    this.#remotes = options.remotes;
    this.#totals = options.totals;
    this.#onError = options.onError;
  }

  /** No call may follow the end of the descriptor. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Hands on what has arrived, up to a bound; returns how many. Bytes are valid until the handler returns, which may
   * close this.
   */
  drain(handler: (bytes: Uint8Array, from: Remote) => void): number {
    const { arrivals, arrivalNames } = this.#calls.memory;
    let total = 0;
    for (let call = 0; call < LIMITS.receiveCallsMax && !this.#isClosed; call++) {
      const most = LIMITS.receiveBatchMax;
      const count = this.#calls.recvmmsg(this.#descriptor, arrivals.address, most);
      if (count <= 0) {
        if (count < 0 && count !== -ERRNO.EAGAIN) this.#onError(-count);
        return total;
      }
      total += count;
      this.#totals.receiveCalls++;
      this.#totals.received += count;
      // The kernel has written how long addresses are: the places are as large as before.
      for (let index = 0; index < count; index++) {
        arrivals.words[index * MESSAGE_WORDS + LAYOUT.nameLength / 4] = LAYOUT.ipv6Address;
      }
      for (let index = 0; index < count && !this.#isClosed; index++) {
        const length = arrivals.words[index * MESSAGE_WORDS + LAYOUT.length / 4] as number;
        const from = this.#remotes.findOrMake(arrivalNames.words, index * NAME_WORDS);
        handler(this.#calls.memory.slot(index, length), from);
      }
      if (count < most) return total;
    }
    return total;
  }
}
