import type { MessageSocket } from "../../directory/index.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { Flow, VirtualNetwork } from "./virtual-network.ts";

/** Where an end of a connection is. */
export interface SocketEnd {
  readonly machine: string;
  readonly process: ProcessClock;
}

/**
 * A connection between two processes that carries texts, over a virtual network. A partition breaks it at once, the death
 * of a process after the latency.
 */
export function virtualSocketPair(
  network: VirtualNetwork,
  left: SocketEnd,
  right: SocketEnd,
): [VirtualSocket, VirtualSocket] {
  const a = new VirtualSocket(network, left);
  const b = new VirtualSocket(network, right);
  a.join(b);
  b.join(a);
  const undo = network.onBreak((first, second) => {
    const between = [left.machine, right.machine];
    if (!between.includes(first) || !between.includes(second) || left.machine === right.machine)
      return;
    a.broken();
    b.broken();
  });
  a.undo = undo;
  b.undo = undo;
  return [a, b];
}

/** One end. */
export class VirtualSocket implements MessageSocket {
  undo: () => void = () => {};
  readonly #network: VirtualNetwork;
  readonly #end: SocketEnd;
  readonly #flow: Flow = { at: 0, waiting: [] };
  #peer: VirtualSocket | undefined;
  #isOpen = true;
  #early: string[] = [];
  #onMessage: ((text: string) => void) | undefined;
  #onClose: (() => void) | undefined;

  constructor(network: VirtualNetwork, end: SocketEnd) {
    this.#network = network;
    this.#end = end;
  }

  join(peer: VirtualSocket): void {
    this.#peer = peer;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get end(): SocketEnd {
    return this.#end;
  }

  send(text: string): void {
    const peer = this.#peer;
    if (!this.#isOpen || peer === undefined || this.#end.process.isDead) return;
    this.#network.piece(this.#end.machine, peer.end.machine, text.length, this.#flow, () =>
      peer.end.process.hold(() => peer.#receive(text)),
    );
  }

  onMessage(handler: (text: string) => void): void {
    this.#onMessage = handler;
    for (const text of this.#early.splice(0)) handler(text);
  }

  onClose(handler: () => void): void {
    this.#onClose = handler;
    if (!this.#isOpen) handler();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#ended();
    this.#tellPeer();
  }

  /** Its process was killed: the peer's kernel is told by this one's. */
  killed(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.undo();
    this.#tellPeer();
  }

  /** The way was cut. */
  broken(): void {
    this.#end.process.hold(() => this.#ended());
  }

  #tellPeer(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#network.piece(this.#end.machine, peer.end.machine, 1, this.#flow, () =>
      peer.end.process.hold(() => peer.#ended()),
    );
  }

  #receive(text: string): void {
    if (!this.#isOpen) return;
    if (this.#onMessage === undefined) this.#early.push(text);
    else this.#onMessage(text);
  }

  #ended(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.undo();
    this.#onClose?.();
  }
}
