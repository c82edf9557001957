import { assert, type Cancel, type Clock } from "../../base/index.ts";

/** What a {@link SendPacer} sends, and how evenly. */
export interface SendPacerOptions {
  /** Bytes of every packet. */
  readonly packetBytes: number;
  /** What the output shall be on average. */
  readonly bitsPerSecond: number;
  /** Between two corrections of the interval (the K of the Reflector paper, 6.3), ms. Undefined: it is never corrected. */
  readonly adaptMs: number | undefined;
  readonly clock: Clock;
  /** Sends the packet of that number: 0, 1, 2, … */
  send(number: number): void;
}

/** A packet that is due for longer is not sent at once any more: adaptation makes up for it, ms. */
const CATCH_UP_MS = 20;
/** A packet that is due within this is sent: timers are exact to whole milliseconds, and may run early, ms. */
const EARLY_MS = 0.5;
/** A corrected interval is at most this many times shorter or longer than the nominal one. */
const CORRECTION_MAX = 2;

/**
 * Sends packets of one size at equal intervals, as the paper's TestServer does (Reflector, 6.3). A wake-up that comes a
 * little late shortens the wait for the next; one that comes later leaves a hole, which the next correction of the
 * interval fills: every `adaptMs` the output so far is compared with what it should be. Sans-IO.
 */
export class SendPacer {
  readonly #options: SendPacerOptions;
  readonly #nominalMs: number;
  #intervalMs: number;
  #startedAt = 0;
  #adaptedAt = 0;
  #due = 0;
  #sent = 0;
  #corrections = 0;
  #cancel: Cancel | undefined;

  constructor(options: SendPacerOptions) {
    const { bitsPerSecond, packetBytes } = options;
    assert(bitsPerSecond > 0 && packetBytes > 0, "a stream has a rate");
    this.#options = options;
    this.#nominalMs = (packetBytes * 8 * 1000) / bitsPerSecond;
    this.#intervalMs = this.#nominalMs;
  }

  /** Packets sent. */
  get sent(): number {
    return this.#sent;
  }

  /** From packet to packet at present, ms. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** How often the output differed from what it should be, and the interval was changed. */
  get corrections(): number {
    return this.#corrections;
  }

  /** The output so far, bits per second, from the first packet until one interval behind the last; 0 before it. */
  get bitsPerSecond(): number {
    const { clock, packetBytes } = this.#options;
    const elapsed = Math.max(this.#nominalMs, clock.now() - this.#startedAt);
    return this.#sent === 0 ? 0 : (this.#sent * packetBytes * 8 * 1000) / elapsed;
  }

  /** Sends the first packet at once. */
  start(): void {
    const now = this.#options.clock.now();
    this.#startedAt = now;
    this.#adaptedAt = now;
    this.#due = now;
    this.#wake();
  }

  /** Sends no more. Idempotent. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wake(): void {
    const { clock, send } = this.#options;
    const now = clock.now();
    if (now - this.#due > CATCH_UP_MS) this.#due = now;
    while (this.#due <= now + EARLY_MS) {
      this.#due += this.#intervalMs;
      send(this.#sent++);
    }
    this.#adapt(now);
    this.#cancel = clock.after("test packet", Math.max(0, this.#due - now), () => this.#wake());
  }

  /** Chooses the interval with which the output is on average what it should be when the next correction is made. */
  #adapt(now: number): void {
    const { adaptMs } = this.#options;
    if (adaptMs === undefined || now - this.#adaptedAt < adaptMs) return;
    this.#adaptedAt = now;
    const expected = Math.floor((now - this.#startedAt) / this.#nominalMs + 1e-6) + 1;
    const wanted = adaptMs / this.#nominalMs + expected - this.#sent;
    const least = this.#nominalMs / CORRECTION_MAX;
    const most = this.#nominalMs * CORRECTION_MAX;
    const next = wanted <= 0 ? most : Math.min(most, Math.max(least, adaptMs / wanted));
    if (next === this.#intervalMs) return;
    this.#corrections++;
    // The packet that is due next comes by the corrected interval as well.
    this.#due += next - this.#intervalMs;
    this.#intervalMs = next;
  }
}
