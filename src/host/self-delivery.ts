import type { FrameNetwork, SiteInstance } from "../stream/index.ts";

/** A network that brings what a site sends to itself back in a later turn, and gives the rest to another network. */
export class SelfDelivery implements FrameNetwork {
  readonly #network: FrameNetwork;
  readonly #self: SiteInstance;
  /** Runs a task soon, in a turn of its own. */
  readonly #soon: (task: () => void) => void;
  #handler: ((from: SiteInstance, bytes: Uint8Array) => void) | undefined;
  #waiting: Uint8Array[] = [];

  constructor(network: FrameNetwork, self: SiteInstance, soon: (task: () => void) => void) {
    this.#network = network;
    this.#self = self;
    this.#soon = soon;
  }

  maxFrameBytes(site: string): number {
    return this.#network.maxFrameBytes(site);
  }

  send(to: SiteInstance, frame: Uint8Array): void {
    if (to.site !== this.#self.site || to.instance !== this.#self.instance) {
      this.#network.send(to, frame);
      return;
    }
    this.#waiting.push(frame);
    if (this.#waiting.length > 1) return;
    this.#soon(() => {
      const frames = this.#waiting;
      this.#waiting = [];
      for (const each of frames) this.#handler?.(this.#self, each);
    });
  }

  onFrames(handler: (from: SiteInstance, bytes: Uint8Array) => void): void {
    this.#handler = handler;
    this.#network.onFrames(handler);
  }
}
