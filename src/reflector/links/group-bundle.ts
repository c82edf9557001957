import type { Bundle, BundleMember } from "../egress/bundle.ts";

/** The neighbours that receive one channel by one group. */
export class GroupBundle implements Bundle {
  packets = 0;
  bytes = 0;
  #members = 0;
  readonly #output: { send(packet: Uint8Array): boolean };

  constructor(output: { send(packet: Uint8Array): boolean }) {
    this.#output = output;
  }

  /** What cannot be sent is missed by all members, which request it over their own connections. */
  send(packet: Uint8Array): number {
    if (!this.#output.send(packet)) return 0;
    this.packets++;
    this.bytes += packet.byteLength;
    return this.#members;
  }

  change(members: number): void {
    this.#members += members;
  }
}

/** One neighbour's membership in a {@link GroupBundle}. */
export class GroupBundleMember implements BundleMember {
  readonly bundle: GroupBundle;
  #isIn = false;
  /** What the bundle had sent when it entered, less what it had received before. */
  #packetsOff = 0;
  #bytesOff = 0;

  constructor(bundle: GroupBundle) {
    this.bundle = bundle;
  }

  get packets(): number {
    return this.#isIn ? this.bundle.packets - this.#packetsOff : -this.#packetsOff;
  }

  get bytes(): number {
    return this.#isIn ? this.bundle.bytes - this.#bytesOff : -this.#bytesOff;
  }

  enter(): void {
    if (this.#isIn) return;
    this.#isIn = true;
    this.#packetsOff += this.bundle.packets;
    this.#bytesOff += this.bundle.bytes;
    this.bundle.change(1);
  }

  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    this.#packetsOff -= this.bundle.packets;
    this.#bytesOff -= this.bundle.bytes;
    this.bundle.change(-1);
  }
}
