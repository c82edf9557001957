import type { Clock } from "../base/index.ts";
import type { ChannelStall, ControlMessage } from "../wire/index.ts";

type Path = Extract<ControlMessage, { type: "path" }>;

/** What a site told of its way to the channel. */
interface Told {
  /** When the site was first heard of, ms. */
  readonly since: number;
  /** When it last told its path, ms. */
  at: number;
  sites: readonly string[];
  stalled: ChannelStall | undefined;
}

/** Shorter pauses of a continuous medium mean nothing, ms. */
const SILENCE_MS_MIN = 1_000;
/** Longer ones always do, ms. */
const SILENCE_MS_MAX = 5_000;
/** The silence that means something is this many times the longest interval between packets of late. */
const INTERVALS = 3;
/** For how long the longest interval counts, ms. */
const LATE_MS = 5_000;
/** Sites announce their path every second; one older than this is out of date, ms. */
const PATH_FRESH_MS = 2_500;
/** A caller that was away for longer than this stood still, ms. */
const STOOD_STILL_MS = 500;

/**
 * Notices that a channel does not arrive at the site that a viewer is connected to. [W48]
 *
 * The site's path is the authority: what it calls stalled has stalled, and a source that pauses while the site names a
 * path has not. Where a site names no path, and no reason, the silence of a continuous medium decides. Sans-IO.
 */
export class StallWatch {
  readonly #clock: Pick<Clock, "now">;
  readonly #told = new Map<string, Told>();
  /** When the last packet of a continuous medium came, ms; undefined: none has, or its source has ended. */
  #heardAt: number | undefined;
  /** The longest intervals between packets: of the present window of time, and of the one before. */
  #longest = 0;
  #longestBefore = 0;
  #windowAt = 0;
  /** How many tracks are described; undefined: no description came yet. */
  #tracks: number | undefined;
  /** A source has said goodbye, and nothing came since. */
  #isOver = false;
  #tickedAt: number;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#tickedAt = clock.now();
  }

  /** A connection to a site was opened. */
  opened(url: string): void {
    const now = this.#clock.now();
    this.#told.set(url, { since: now, at: now, sites: [], stalled: undefined });
  }

  /** The connection to a site ended. */
  closed(url: string): void {
    this.#told.delete(url);
  }

  /** A site told its path. */
  path(url: string, { sites, stalled }: Path): void {
    const told = this.#told.get(url);
    if (told === undefined) return;
    told.at = this.#clock.now();
    told.sites = sites;
    told.stalled = stalled;
  }

  /** The channel's tracks are known. */
  described(tracks: number): void {
    this.#tracks = tracks;
  }

  /** A packet came from a site. @param continuous of a medium that has no pauses */
  packet(url: string, continuous: boolean): void {
    const now = this.#clock.now();
    const told = this.#told.get(url);
    // What a site sends that had lost its way before we came is history.
    if (told?.stalled !== undefined && told.at - told.stalled.forMs >= told.since)
      told.stalled = undefined;
    this.#isOver = false;
    if (!continuous) return;
    if (this.#heardAt !== undefined) this.#note(now - this.#heardAt, now);
    this.#heardAt = now;
  }

  /** A source has ended: silence is to be expected, until another packet comes. */
  bye(): void {
    this.#isOver = true;
    this.#heardAt = undefined;
  }

  /** Called every 10 to 50 ms. While this process stood still, nothing could arrive: that time does not count. */
  tick(): void {
    const now = this.#clock.now();
    const passed = now - this.#tickedAt;
    this.#tickedAt = now;
    if (passed < STOOD_STILL_MS) return;
    if (this.#heardAt !== undefined) this.#heardAt = Math.min(now, this.#heardAt + passed);
    for (const told of this.#told.values()) {
      // What is stalled stays so; its age counts on.
      if (told.stalled === undefined) told.at = Math.min(now, told.at + passed);
    }
  }

  /** Why the channel does not arrive at a connected site, as of now; undefined: it does, as far as is known. */
  stall(url: string): ChannelStall | undefined {
    const told = this.#told.get(url);
    // Of a channel that its publisher has left nothing is missing.
    if (told === undefined || this.#tracks === 0 || this.#isOver) return undefined;
    const now = this.#clock.now();
    const { at, sites, stalled } = told;
    if (stalled !== undefined) return { ...stalled, forMs: stalled.forMs + now - at };
    if (sites.length > 0 && now - at <= PATH_FRESH_MS) return undefined;
    if (this.#tracks === undefined || this.#heardAt === undefined) return undefined;
    // A connection that was just opened had no time to bring anything.
    const forMs = now - Math.max(this.#heardAt, told.since);
    if (forMs < this.#silenceMs) return undefined;
    return {
      forMs: now - this.#heardAt,
      reason: "the site sends nothing, and does not say why",
      trying: [],
    };
  }

  get #silenceMs(): number {
    const longest = Math.max(this.#longest, this.#longestBefore) * INTERVALS;
    return Math.min(Math.max(longest, SILENCE_MS_MIN), SILENCE_MS_MAX);
  }

  #note(interval: number, now: number): void {
    if (now - this.#windowAt > LATE_MS) {
      this.#longestBefore = this.#longest;
      this.#longest = 0;
      this.#windowAt = now;
    }
    if (interval > this.#longest) this.#longest = interval;
  }
}
