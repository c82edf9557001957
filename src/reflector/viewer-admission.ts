import { type Counters, LIMITS } from "../base/index.ts";
import type { Peer, Refusal } from "../channel/index.ts";
import type { ControlMessage } from "../wire/index.ts";

/** A gate's verdict on a viewer. */
export type ViewerVerdict =
  | {
      readonly type: "admitted";
      /**
       * Notes that the viewer watches the channel.
       *
       * @param end called once, when its right to watch ends
       * @returns a function to call when it has left
       */
      hold(end: (refusal: Refusal) => void): () => void;
    }
  | ({ readonly type: "refused" } & Refusal);

/** Decides which viewer may watch what. */
export interface ViewerGate {
  /** Whether every viewer may watch every channel now. Absent: it may not. */
  readonly isOpen?: boolean;
  /** Judges at once where possible, else later. Never rejects. @param viewer its token, and its address with port */
  admit(
    viewer: { readonly token: string; readonly address: string },
    channel: string,
  ): ViewerVerdict | Promise<ViewerVerdict>;
}

type Subscribe = Extract<ControlMessage, { type: "subscribe" }>;

/** The state of a viewer at a channel. */
type Standing =
  /** The verdict is awaited; the newest request waits for it. */
  | { readonly type: "asked"; message: Subscribe }
  | { readonly type: "admitted"; readonly leave: () => void };

/** What a {@link ViewerAdmission} works with. */
export interface ViewerAdmissionOptions {
  readonly gate: ViewerGate;
  /** Counts refusals, by code. */
  readonly drops: Counters;
  /** A viewer was admitted to its first channel. */
  onFirst(peer: Peer): void;
  /** A request that waited for a verdict may proceed. */
  onAdmitted(peer: Peer, message: Subscribe): void;
}

/** Admits viewers to channels, and disconnects them when their right ends. docs/spec/access.md [A6] */
export class ViewerAdmission {
  readonly #options: ViewerAdmissionOptions;
  readonly #viewers = new Map<Peer, Map<string, Standing>>();

  constructor(options: ViewerAdmissionOptions) {
    this.#options = options;
  }

  /** Whether a viewer is admitted to any channel. */
  knows(peer: Peer): boolean {
    for (const { type } of this.#viewers.get(peer)?.values() ?? []) {
      if (type === "admitted") return true;
    }
    return false;
  }

  /** Whether a viewer's request may proceed now. If not, it was refused, or `onAdmitted` is called later. */
  admits(peer: Peer, message: Subscribe): boolean {
    const channels = this.#viewers.get(peer) ?? new Map<string, Standing>();
    const standing = channels.get(message.channel);
    if (standing?.type === "admitted") return true;
    if (standing?.type === "asked") {
      standing.message = message;
      return false;
    }
    if (channels.size >= LIMITS.viewerChannelsMax) {
      const most = `a viewer may watch at most ${LIMITS.viewerChannelsMax} channels over a connection`;
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
      // It may have left or unsubscribed meanwhile.
      if (channels.get(message.channel) !== asked || this.#viewers.get(peer) !== channels) return;
      channels.delete(message.channel);
      if (this.#settle(peer, asked.message, late)) this.#options.onAdmitted(peer, asked.message);
    });
    return false;
  }

  /** A viewer has unsubscribed from a channel. */
  left(peer: Peer, channel: string): void {
    const channels = this.#viewers.get(peer);
    const standing = channels?.get(channel);
    if (standing?.type === "admitted") standing.leave();
    channels?.delete(channel);
  }

  /** A viewer has disconnected. */
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
