import { isIPv6 } from "node:net";
import { type Clock, LIMITS } from "../../base/index.ts";

interface Meter {
  /** Failures that count, as of `at`. */
  count: number;
  at: number;
}

/** One failure is forgiven after this, ms. */
const FORGIVEN_MS = 1_000;

/**
 * Counts failures by address: a few at once are allowed, then one a second. Bounded: forgets the address that failed
 * longest ago.
 */
export class FailureMeter {
  readonly #clock: Clock;
  readonly #meters = new Map<string, Meter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#meters.size;
  }

  /** Whether that address may try again. */
  allows(address: string): boolean {
    const meter = this.#meters.get(networkOf(address));
    return meter === undefined || this.#countOf(meter) <= LIMITS.tokenFailuresMax - 1;
  }

  /** That address has failed. */
  failed(address: string): void {
    const key = networkOf(address);
    const meter = this.#meters.get(key);
    const count = meter === undefined ? 0 : this.#countOf(meter);
    // To the end of the map: its first entry is the one that failed longest ago.
    this.#meters.delete(key);
    this.#meters.set(key, { count: count + 1, at: this.#clock.now() });
    if (this.#meters.size <= LIMITS.tokenAddressesMax) return;
    const [oldest] = this.#meters.keys();
    if (oldest !== undefined) this.#meters.delete(oldest);
  }

  #countOf({ count, at }: Meter): number {
    return Math.max(0, count - (this.#clock.now() - at) / FORGIVEN_MS);
  }
}

/** An IPv6 client has its whole /64. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? 0 : tail.split(":").filter((group) => group !== "").length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest);
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...(tail ?? "").split(":")];
  return `${all.slice(0, 4).join(":")}::/64`;
}
