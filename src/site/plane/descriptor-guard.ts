import { type Cancel, type Clock, every, LIMITS } from "../../base/index.ts";
import type { Descriptors } from "../http/connections.ts";

/** Descriptors of the process, as last counted. */
export interface DescriptorCount {
  readonly open: number;
  readonly limit: number;
}

/** What a {@link DescriptorGuard} works with. */
export interface DescriptorGuardOptions {
  readonly clock: Clock;
  /** Counts descriptors; undefined where the system does not report them. */
  count(): Promise<DescriptorCount | undefined>;
  /** Accepted connections that are open. */
  connections(): number;
  /** Of those, the ones that make room for others; absent: none does. */
  strangers?(): number;
}

/** How often descriptors are counted, ms; in between, connections are added and subtracted. */
const COUNT_MS = 10_000;
/** The same near the limit. */
const COUNT_NEAR_MS = 1_000;

/**
 * Tracks how many descriptors are left, so that viewers are refused with a message before none can be answered at all.
 */
export class DescriptorGuard implements Descriptors, Disposable {
  readonly #options: DescriptorGuardOptions;
  readonly #cancel: Cancel;
  #counted:
    | { readonly open: number; readonly limit: number; readonly connections: number }
    | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;
  #isCounting = false;

  constructor(options: DescriptorGuardOptions) {
    this.#options = options;
    this.#cancel = every(options.clock, "descriptors", COUNT_NEAR_MS, () => this.#look());
    void this.#count();
  }

  /** Descriptors in use; undefined while they are not known. */
  get usage(): DescriptorCount | undefined {
    const counted = this.#counted;
    if (counted === undefined) return undefined;
    const since = this.#options.connections() - counted.connections;
    return { open: Math.max(0, counted.open + since), limit: counted.limit };
  }

  /** Descriptors left; infinite where the system does not report them. */
  get left(): number {
    const usage = this.usage;
    return usage === undefined ? Number.POSITIVE_INFINITY : usage.limit - usage.open;
  }

  /** Why viewers are not admitted; undefined: they are. */
  get refusal(): { readonly code: string; readonly message: string } | undefined {
    const { usage } = this;
    if (usage === undefined || this.#leftForKnown >= LIMITS.descriptorsReserved) return undefined;
    const { open, limit } = usage;
    const message = `the site has ${open} of its ${limit} descriptors in use and keeps ${LIMITS.descriptorsReserved} for links and disk; try another site`;
    return { code: "admission-refused", message };
  }

  /** How many more viewers can be connected; infinite where the system does not report descriptors. */
  get places(): number {
    return Math.max(0, this.#leftForKnown - LIMITS.descriptorsReserved);
  }

  /** True when descriptors are too scarce even to refuse viewers over a connection. */
  get isTight(): boolean {
    return this.#leftForKnown < LIMITS.descriptorsReserved / 2;
  }

  /** Strangers take none of it. */
  get #leftForKnown(): number {
    return this.left + (this.#options.strangers?.() ?? 0);
  }

  get isSpent(): boolean {
    return this.left < LIMITS.descriptorsReservedLast;
  }

  get isNone(): boolean {
    return this.left < LIMITS.descriptorsReservedLast / 4;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #look(): void {
    const age = this.#options.clock.now() - this.#countedAt;
    const isNear = this.left < 4 * LIMITS.descriptorsReserved;
    if (age >= (isNear ? COUNT_NEAR_MS : COUNT_MS)) void this.#count();
  }

  async #count(): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    // What opens or closes meanwhile may or may not be counted; the next count corrects it.
    const connections = this.#options.connections();
    const count = await this.#options.count();
    this.#isCounting = false;
    this.#countedAt = this.#options.clock.now();
    this.#counted = count === undefined ? undefined : { ...count, connections };
  }
}
