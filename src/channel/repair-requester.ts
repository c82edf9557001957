import { type Counters, LIMITS, serialDistance } from "../base/index.ts";
import type { SourcePoint } from "../wire/index.ts";
import type { Peer } from "./peer.ts";
import type { SequenceWindow } from "./sequence-window.ts";
import type { SourceWindows } from "./source-windows.ts";

/** What is missing for this long is given up in any case, ms. */
const MISSING_MS_MAX = 10_000;
/** A request is repeated after two round trips, and at least this, ms. */
const RETRY_MS_MIN = 30;
/** Numbers after the first that one request can name: the bits of its bitmap. */
const BITMAP_BITS = 32;

/** Requests missing packets again, and gives up those that are too old. [W27] */
export class RepairRequester {
  readonly #windows: SourceWindows;
  readonly #counters: Counters;

  /** @param counters counts `repair-asked` and `lost` */
  constructor(windows: SourceWindows, counters: Counters) {
    this.#windows = windows;
    this.#counters = counters;
  }

  /** No packet could have arrived for `passedMs`: that time does not count against those missing. */
  postpone(passedMs: number): void {
    for (const { window } of this.#windows.entries()) {
      for (const each of window.missing) each.since += passedMs;
    }
  }

  /** What is missing was requested by a resume: requesting it here too would bring it twice. @param now ms */
  resumed(now: number): void {
    for (const { window } of this.#windows.entries()) {
      for (const each of window.missing) each.askedAt = each.since = now;
    }
  }

  /**
   * Gives up what is too old and requests what is due.
   *
   * @param peer who sends the channel; undefined: nothing can be requested
   * @param id of the channel at `peer`
   * @param now ms
   * @returns how many packets were given up
   */
  tick(peer: Peer | undefined, id: number | undefined, now: number): number {
    let lost = 0;
    for (const { id: source, window } of this.#windows.entries()) {
      if (window.missingCount === 0) continue;
      lost += this.#giveUp(window, now);
      if (peer?.state === "open" && id !== undefined) {
        this.#request(peer, id, { ...source, sequence: 0 }, window, now);
      }
    }
    if (lost > 0) this.#counters.add("lost", lost);
    return lost;
  }

  /** Requests in groups of 33 numbers. */
  #request(peer: Peer, id: number, source: SourcePoint, window: SequenceWindow, now: number): void {
    const retryMs = Math.max(RETRY_MS_MIN, 2 * (peer.rttMs ?? 0));
    let base: number | undefined;
    let bitmap = 0;
    const send = (): void => {
      if (base === undefined) return;
      this.#counters.add("repair-asked");
      const point = { ...source, sequence: base };
      peer.sendControl({ type: "repair", point, bitmap: bitmap >>> 0 }, id);
    };
    for (const each of window.missing) {
      if (now - each.since < LIMITS.repairDelayMs || now - each.askedAt < retryMs) continue;
      each.askedAt = now;
      const offset = base === undefined ? 0 : serialDistance(base, each.sequence, window.bits);
      if (base === undefined || offset > BITMAP_BITS || offset < 1) {
        send();
        base = each.sequence;
        bitmap = 0;
      } else {
        bitmap |= 1 << (offset - 1);
      }
    }
    send();
  }

  #giveUp(window: SequenceWindow, now: number): number {
    let count = 0;
    for (const each of window.missing) {
      if (now - each.since < LIMITS.repairMsMax && now - each.foundAt < MISSING_MS_MAX) break;
      window.forget(each.sequence);
      count++;
    }
    return count;
  }
}
