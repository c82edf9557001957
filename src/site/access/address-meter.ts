import { type Clock, LIMITS } from "../../base/index.ts";
import { networkOf } from "../../transport/index.ts";

interface Meter {
  /** What counts, as of `at`. */
  count: number;
  at: number;
}

/** What an address may do. */
export interface AddressRate {
  /** At once. */
  readonly max: number;
  /** One is forgotten after this, ms. */
  readonly forgivenMs: number;
}

/**
 * Counts by address: a few at once are allowed, then as many as are forgotten. Bounded: forgets the address that was
 * counted longest ago.
 */
export class AddressMeter {
  readonly #clock: Clock;
  readonly #rate: AddressRate;
  readonly #meters = new Map<string, Meter>();

  constructor(clock: Clock, rate: AddressRate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#meters.size;
  }

  /** Whether that address may do it again. @param share how many times the usual it may */
  allows(address: string, share = 1): boolean {
    const meter = this.#meters.get(networkOf(address));
    return meter === undefined || this.#countOf(meter, share) <= this.#rate.max * share - 1;
  }

  /** That address has done it. */
  add(address: string, share = 1): void {
    const key = networkOf(address);
    const meter = this.#meters.get(key);
    const count = meter === undefined ? 0 : this.#countOf(meter, share);
    // To the end of the map: its first entry is the one that was counted longest ago.
    this.#meters.delete(key);
    this.#meters.set(key, { count: count + 1, at: this.#clock.now() });
    if (this.#meters.size <= LIMITS.tokenAddressesMax) return;
    const [oldest] = this.#meters.keys();
    if (oldest !== undefined) this.#meters.delete(oldest);
  }

  #countOf({ count, at }: Meter, share: number): number {
    return Math.max(0, count - ((this.#clock.now() - at) * share) / this.#rate.forgivenMs);
  }
}
