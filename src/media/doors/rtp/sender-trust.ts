/** Seconds without a packet after which another sender is accepted. */
const SILENT_TICKS = 5;

/**
 * The senders that a track accepts datagrams from: the addresses named or, without names, the first sender of RTP,
 * until it has been silent for five seconds. [G32]
 */
export class SenderTrust {
  readonly #named: ReadonlySet<string> | undefined;
  #holder: string | undefined;
  #silentTicks = 0;

  constructor(trusted: readonly string[] | "first") {
    this.#named = trusted === "first" ? undefined : new Set(trusted.map(plainAddress));
  }

  /** True when the accepted senders are known. */
  get isSettled(): boolean {
    return this.#named !== undefined || this.#holder !== undefined;
  }

  admits(host: string): boolean {
    const address = plainAddress(host);
    if (this.#named !== undefined) return this.#named.has(address);
    return this.#holder === undefined || this.#holder === address;
  }

  /** RTP of this sender, which was admitted, was accepted. */
  accepted(from: { readonly host: string }): void {
    if (this.#named !== undefined) return;
    this.#silentTicks = 0;
    this.#holder ??= plainAddress(from.host);
  }

  /** A second has passed. @returns true when the sender has been given up */
  tick(): boolean {
    if (this.#holder === undefined || ++this.#silentTicks <= SILENT_TICKS) return false;
    this.#holder = undefined;
    return true;
  }
}

/** IPv4 addresses as sockets of both families report them; without a zone. */
function plainAddress(address: string): string {
  return address
    .replace(/^::ffff:(?=\d+\.)/i, "")
    .replace(/%.*$/, "")
    .toLowerCase();
}
