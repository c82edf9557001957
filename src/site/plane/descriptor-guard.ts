import { type Cancel, type Clock, every, LIMITS } from "../../base/index.ts";
import type { Descriptors } from "../http/connections.ts";

/** Descriptors of the process, as last counted. */
export interface DescriptorCount {
  readonly open: number;
  readonly limit: number;
}

/** What a guard works with. */
export interface DescriptorGuardOptions {
  readonly clock: Clock;
  /** Counts now; undefined where the system does not tell. */
  count(): Promise<DescriptorCount | undefined>;
  /** Connections that came in and are open. */
  connections(): number;
}

/** How often descriptors are counted, ms; between that connections are added and taken off. */
const COUNT_MS = 10_000;
/** The same near the limit. */
const COUNT_NEAR_MS = 1_000;

/** Knows how many descriptors are left, so that somebody is refused in words before nobody can be answered at all. */
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

  /** Descriptors now; undefined while they are not known. */
  get usage(): DescriptorCount | undefined {
    const counted = this.#counted;
    if (counted === undefined) return undefined;
    const since = this.#options.connections() - counted.connections;
    return { open: Math.max(0, counted.open + since), limit: counted.limit };
  }

  /** Descriptors left; infinitely many where the system does not tell. */
  get left(): number {
    const usage = this.usage;
    return usage === undefined ? Number.POSITIVE_INFINITY : usage.limit - usage.open;
  }

  /** Why viewers are not let in, in words; undefined: they are. */
  get refusal(): { readonly code: string; readonly message: string } | undefined {
    const { usage } = this;
    if (usage === undefined || this.left >= LIMITS.descriptorsReserved) return undefined;
    const { open, limit } = usage;
    const message = `the site has ${open} of its ${limit} descriptors in use and keeps ${LIMITS.descriptorsReserved} for links and disk; try another site`;
    return { code: "admission-refused", message };
  }

  /** True when not even refusing viewers in their own words can be afforded. */
  get isTight(): boolean {
    return this.left < LIMITS.descriptorsReserved / 2;
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
    // What opens or ends meanwhile may be counted or not; the next time tells.
    const connections = this.#options.connections();
    const count = await this.#options.count();
    this.#isCounting = false;
    this.#countedAt = this.#options.clock.now();
    this.#counted = count === undefined ? undefined : { ...count, connections };
  }
}
