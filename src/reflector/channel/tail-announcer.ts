import type { SourcePoint } from "../../wire/index.ts";
import type { Distributor } from "../egress/distributor.ts";
import { PeerOutlet } from "../egress/outlet.ts";
import type { Announcer } from "./announcer.ts";

/** A pause this long is a tail worth announcing, ms. */
const PAUSE_MS = 60;
/** Announced this many times in a row, then every second. */
const REPEATS = 3;

/**
 * Tells neighbours and viewers over datagrams what was sent, when the channel pauses: nothing follows that would show
 * that the last packet was lost. [W26]
 */
export class TailAnnouncer {
  readonly #announcer: Announcer;
  readonly #distributor: Distributor;
  #deliveredAt = 0;
  #told = 0;

  constructor(announcer: Announcer, distributor: Distributor) {
    this.#announcer = announcer;
    this.#distributor = distributor;
  }

  /** A packet was delivered. @param now ms */
  delivered(now: number): void {
    this.#deliveredAt = now;
    this.#told = 0;
  }

  /** Whether the tail has to be announced now. @param again a second has passed. @param now ms */
  isDue(again: boolean, now: number): boolean {
    if (now - this.#deliveredAt < PAUSE_MS || (this.#told >= REPEATS && !again)) return false;
    return this.#distributor.hasDatagrams;
  }

  /** @param newest identity sent, of each source */
  announce(newest: readonly SourcePoint[]): void {
    this.#told++;
    if (newest.length === 0) return;
    const packet = this.#announcer.packet({ type: "ack", points: newest });
    for (const { outlet } of this.#distributor.datagrams()) {
      if (outlet instanceof PeerOutlet) outlet.send(packet);
    }
  }
}
