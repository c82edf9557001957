import type { Connection, ConnectionEnd } from "../stack/index.ts";
import type { ProcessClock } from "./process-clock.ts";

/** One end of a connection, held by a site or a viewer that may die at once. */
export class Gate implements Connection {
  alive = true;
  /** The process that holds this end. */
  clock: ProcessClock | undefined;
  readonly stack: string;
  readonly #inner: Connection;
  readonly #isCut: () => boolean;
  /** What a stream holds while the network is cut: TCP sends it again afterwards. */
  #held: Uint8Array[] = [];

  constructor(inner: Connection, stack = inner.stack, isCut = (): boolean => false) {
    this.#inner = inner;
    this.stack = stack;
    this.#isCut = isCut;
  }

  get peer(): string {
    return this.#inner.peer;
  }
  get reliable(): boolean {
    return this.#inner.reliable;
  }
  get coalesces(): boolean {
    return this.#inner.coalesces;
  }
  get maxBytes(): number {
    return this.#inner.maxBytes;
  }
  get malformed(): number {
    return this.#inner.malformed;
  }
  get closed(): Promise<ConnectionEnd> {
    return this.#inner.closed;
  }
  send(packets: Uint8Array): boolean {
    if (!this.alive) return false;
    if (!this.#isCut()) return this.#inner.send(packets);
    if (this.reliable) this.#held.push(packets.slice());
    return true;
  }
  /** The network is whole again. */
  heal(): void {
    const held = this.#held;
    this.#held = [];
    for (const packets of held) this.send(packets);
  }
  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#inner.onPackets((bytes) => {
      const take = (): void => {
        if (this.alive) handler(bytes);
      };
      if (this.clock === undefined) take();
      else this.clock.hold(take);
    });
  }
  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#inner.backlog();
  }
  close(): void {
    this.#inner.close();
  }
  /** The process that held this end is gone: its kernel closes streams, and says nothing for datagrams. */
  die(): void {
    this.alive = false;
    if (this.reliable) this.#inner.close();
  }
}
