import { type Counters, LIMITS } from "../base/index.ts";
import type { Peer, Refusal } from "../channel/index.ts";
import type { ControlMessage } from "../wire/index.ts";

/** What a gate says to a viewer. */
export type ViewerVerdict =
  | {
      readonly type: "admitted";
      /**
       * Notes that the viewer watches.
       *
       * @param end called once, when it may not go on
       * @returns to be called when it has left
       */
      hold(end: (refusal: Refusal) => void): () => void;
    }
  | ({ readonly type: "refused" } & Refusal);

/** Decides which viewer may watch what. */
export interface ViewerGate {
  /** At once where that is known, else later. `address` is that of the other end, with its port. Never rejects. */
  admit(
    viewer: { readonly token: string; readonly address: string },
    channel: string,
  ): ViewerVerdict | Promise<ViewerVerdict>;
}

type Subscribe = Extract<ControlMessage, { type: "subscribe" }>;

/** How a viewer stands to a channel. */
type Standing =
  /** The gate thinks; the newest request waits. */
  | { readonly type: "asked"; message: Subscribe }
  | { readonly type: "admitted"; readonly leave: () => void };

/** What a {@link ViewerAdmission} works with. */
export interface ViewerAdmissionOptions {
  readonly gate: ViewerGate;
  /** Gets refusals, by code. */
  readonly drops: Counters;
  /** A viewer was let into its first channel. */
  onFirst(peer: Peer): void;
  /** A request that had to wait can go on. */
  onAdmitted(peer: Peer, message: Subscribe): void;
}

/** Lets viewers in, channel by channel, and out when they may not stay. docs/spec/access.md [A6] */
export class ViewerAdmission {
  readonly #options: ViewerAdmissionOptions;
  readonly #viewers = new Map<Peer, Map<string, Standing>>();

  constructor(options: ViewerAdmissionOptions) {
    this.#options = options;
  }

  /** Whether a viewer has been let into some channel. */
  knows(peer: Peer): boolean {
    for (const { type } of this.#viewers.get(peer)?.values() ?? []) {
      if (type === "admitted") return true;
    }
    return false;
  }

  /** Whether a viewer's request may go on now. Else it was refused, or is brought back by `onAdmitted`. */
  admits(peer: Peer, message: Subscribe): boolean {
    const channels = this.#viewers.get(peer) ?? new Map<string, Standing>();
    const standing = channels.get(message.channel);
    if (standing?.type === "admitted") return true;
    if (standing?.type === "asked") {
      standing.message = message;
      return false;
    }
    if (channels.size >= LIMITS.viewerChannelsMax) {
      const most = `a viewer watches at most ${LIMITS.viewerChannelsMax} channels over a connection`;
      this.#refuse(peer, message, { code: "admission-refused", message: most });
      return false;
    }
    const viewer = { token: peer.remote?.token ?? "", address: peer.connection.peer };
    const verdict = this.#options.gate.admit(viewer, message.channel);
    if (!(verdict instanceof Promise)) return this.#settle(peer, message, verdict);
    this.#viewers.set(peer, channels);
    const asked: Standing = { type: "asked", message };
    channels.set(message.channel, asked);
    void verdict.then((late) => {
      // It may have left, or asked for another channel's end, meanwhile.
      if (channels.get(message.channel) !== asked || this.#viewers.get(peer) !== channels) return;
      channels.delete(message.channel);
      if (this.#settle(peer, asked.message, late)) this.#options.onAdmitted(peer, asked.message);
    });
    return false;
  }

  /** A viewer watches a channel no longer. */
  left(peer: Peer, channel: string): void {
    const channels = this.#viewers.get(peer);
    const standing = channels?.get(channel);
    if (standing?.type === "admitted") standing.leave();
    channels?.delete(channel);
  }

  /** A viewer has gone. */
  gone(peer: Peer): void {
    for (const channel of [...(this.#viewers.get(peer)?.keys() ?? [])]) this.left(peer, channel);
    this.#viewers.delete(peer);
  }

  #settle(peer: Peer, message: Subscribe, verdict: ViewerVerdict): boolean {
    if (verdict.type === "refused") {
      this.#refuse(peer, message, verdict);
      return false;
    }
    if (!this.knows(peer)) this.#options.onFirst(peer);
    const channels = this.#viewers.get(peer) ?? new Map<string, Standing>();
    this.#viewers.set(peer, channels);
    const leave = verdict.hold(({ code, message: why }) => {
      this.#options.drops.add(code);
      peer.close(code, why);
    });
    channels.set(message.channel, { type: "admitted", leave });
    return true;
  }

  #refuse(peer: Peer, { request }: Subscribe, { code, message }: Refusal): void {
    this.#options.drops.add(code);
    peer.sendControl({ type: "refused", request, code, message });
  }
}
