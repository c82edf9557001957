import { assert } from "../../base/index.ts";
import { PlayoutDelay } from "./playout-delay.ts";

/** How a {@link PlayoutClock} is set up. */
export interface PlayoutClockOptions {
  /** Time between the earliest arrival of media and its playout, ms, >= 0: absorbs jitter. */
  readonly targetDelayMs: number;
}

/** A track may delay the others by this much for lip-sync, ms. */
const SPREAD_MS_MAX = 1_500;
/** A track that stays out of that for this long plays by itself, ms, … */
const APART_AFTER_MS = 3_000;
/** … and in sync again when it was in time for this long, ms. */
const TOGETHER_AFTER_MS = 1_000;
/** A track that sends nothing for this long delays no other, ms: longer than pauses in speech. */
const DEAD_AFTER_MS = 10_000;
/** A track silent for this long is as late as it was, compared with the others, ms: their clock may drift. */
const SILENT_AFTER_MS = 500;
/** Corrections change the playout speed by at most this share: more than the clocks of cheap devices are apart. */
const SLEW = 0.05;
/** A larger correction is a step. */
const SLEW_MS_MAX = 200;
/** Not noticed: a track that begins does not interrupt others for it, ms. */
const NOTICED_MS = 20;
/** The clock counts as settled when it was not stepped for this long, ms. */
const SETTLE_MS = 150;

interface TrackState {
  readonly delay: PlayoutDelay;
  readonly joinedAt: number;
  arrivedAt: number;
  /** By how much more delay it needed than the one that needs least, ms, when it sent last. */
  lagMs: number;
  /** Local time minus media time by which it plays while it is apart. */
  ownOffsetMs: number | undefined;
  /** Since when it belongs to the other side, ms. */
  since: number | undefined;
}

/**
 * Decides when media is played: media time plus the least delay observed, plus the target delay.
 *
 * All tracks share it, so they play in sync; the slowest one sets the pace. A track that stays late for longer than the
 * others can wait is given up for sync: it plays by itself, as soon as it can, until it is in time again. The mapping
 * follows clock drift slowly and falls at once when a burst catches up with live.
 */
export class PlayoutClock {
  readonly #tracks = new Map<string, TrackState>();
  #targetDelayMs: number;
  /** Local time minus media time, as applied. */
  #offsetMs: number | undefined;
  #movedAt = 0;
  /** A track has begun while others play. */
  #isJoining = false;
  #steppedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PlayoutClockOptions) {
    assert(options.targetDelayMs >= 0, "a delay is not negative");
    this.#targetDelayMs = options.targetDelayMs;
  }

  /** Configured delay, ms; may change while playing. */
  get targetDelayMs(): number {
    return this.#targetDelayMs;
  }

  set targetDelayMs(value: number) {
    assert(value >= 0, "a delay is not negative");
    this.#targetDelayMs = value;
  }

  /** The current delay, ms: the target, and what lateness added. */
  get delayMs(): number {
    let extra = 0;
    for (const { delay, ownOffsetMs } of this.#tracks.values())
      if (ownOffsetMs === undefined) extra = Math.max(extra, delay.extraMs);
    return this.#targetDelayMs + extra;
  }

  /** True while `track` is too late to be played in sync with the others. */
  isApart(track: string): boolean {
    return this.#tracks.get(track)?.ownOffsetMs !== undefined;
  }

  /** A complete frame of `track` with media time `mediaMs` has arrived; call in arrival order. */
  arrived(track: string, mediaMs: number, nowMs: number): void {
    let state = this.#tracks.get(track);
    if (state === undefined) {
      const delay = new PlayoutDelay();
      state = {
        ...{ delay, joinedAt: nowMs, arrivedAt: nowMs, lagMs: 0 },
        ...{ ownOffsetMs: undefined, since: undefined },
      };
      this.#tracks.set(track, state);
    }
    state.arrivedAt = nowMs;
    state.delay.arrived(mediaMs, nowMs);
    const need = this.#needOf(state, nowMs) ?? 0;
    state.lagMs = need - Math.min(need, this.#leastLive(nowMs));
    this.#separate(nowMs);
    this.#follow(nowMs);
  }

  /**
   * A frame of `track` is ready to be played; late ones, if all of a track are, lengthen the delay. Call in
   * presentation order.
   *
   * @param leadMs how long before its time it must be ready: the delay of the output itself
   */
  ready(track: string, mediaMs: number, nowMs: number, leadMs = 0): void {
    const state = this.#tracks.get(track);
    const playAt = this.playAt(track, mediaMs);
    if (state === undefined || playAt === undefined) return;
    const addedMs = state.delay.ready(
      {
        lateMs: nowMs + leadMs - playAt,
        targetDelayMs: this.#targetDelayMs,
        isApart: state.ownOffsetMs !== undefined,
      },
      nowMs,
    );
    if (addedMs <= 0) return;
    // At once: adapting slowly would keep frames late.
    if (state.ownOffsetMs !== undefined) state.ownOffsetMs += addedMs;
    else this.#follow(nowMs, true);
  }

  /** The program stood still until now: how late frames were until now is no measure of the delay. */
  interrupt(): void {
    for (const { delay } of this.#tracks.values()) delay.interrupt();
  }

  /** Local time at which media time `mediaMs` of `track` plays; undefined before anything arrived. */
  playAt(track: string, mediaMs: number): number | undefined {
    const offset = this.#tracks.get(track)?.ownOffsetMs ?? this.#offsetMs;
    return offset === undefined ? undefined : mediaMs + offset;
  }

  /** How far the newest frame of all tracks is behind what could have arrived by now, ms; 0 before the first. */
  behindMs(nowMs: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { delay } of this.#tracks.values()) least = Math.min(least, delay.behindMs(nowMs));
    return Number.isFinite(least) ? least : 0;
  }

  /**
   * False while a burst still catches up with live, and after steps: audio should wait a moment. So should a track that
   * has just begun: another one may be slower. Those that play already go on meanwhile.
   *
   * @param track undefined: whether all are settled
   */
  settled(nowMs: number, track?: string): boolean {
    let since = this.#steppedAt;
    for (const [name, { joinedAt }] of this.#tracks)
      if (track === undefined || name === track) since = Math.max(since, joinedAt);
    return this.#offsetMs !== undefined && nowMs - since >= SETTLE_MS;
  }

  /** Forgets a track that ended. */
  forget(track: string): void {
    this.#tracks.delete(track);
  }

  /** The delay between media time and playout that a track needs, ms; undefined for one that is dead. */
  #needOf(state: TrackState, nowMs: number): number | undefined {
    const silentMs = nowMs - state.arrivedAt;
    if (silentMs > DEAD_AFTER_MS) return undefined;
    if (silentMs > SILENT_AFTER_MS) {
      const least = this.#leastLive(nowMs);
      if (Number.isFinite(least)) return least + state.lagMs;
    }
    return this.#liveNeedOf(state, nowMs);
  }

  /** Of the tracks that send; Infinity: none. */
  #leastLive(nowMs: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const state of this.#tracks.values()) {
      if (nowMs - state.arrivedAt > SILENT_AFTER_MS) continue;
      least = Math.min(least, this.#liveNeedOf(state, nowMs) ?? least);
    }
    return least;
  }

  #liveNeedOf({ delay }: TrackState, nowMs: number): number | undefined {
    const floor = delay.floorMs(nowMs);
    return floor === undefined ? undefined : floor + this.#targetDelayMs + delay.extraMs;
  }

  /** Finds the tracks that others should not wait for. */
  #separate(nowMs: number): void {
    let least = Number.POSITIVE_INFINITY;
    for (const state of this.#tracks.values())
      least = Math.min(least, this.#needOf(state, nowMs) ?? least);
    for (const state of this.#tracks.values()) {
      const need = this.#needOf(state, nowMs);
      if (need === undefined) continue;
      const isApart = state.ownOffsetMs !== undefined;
      const isAlone = this.#tracks.size === 1;
      const isTooLate = !isAlone && (need > least + SPREAD_MS_MAX || state.delay.isHopeless);
      if (isTooLate === isApart) {
        state.since = undefined;
        continue;
      }
      state.since ??= nowMs;
      if (nowMs - state.since < (isApart ? TOGETHER_AFTER_MS : APART_AFTER_MS)) continue;
      state.since = undefined;
      state.ownOffsetMs = isApart ? undefined : need;
      this.#steppedAt = nowMs;
    }
  }

  #follow(nowMs: number, atOnce = false): void {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    const elapsedMs = Math.max(0, nowMs - this.#movedAt);
    for (const state of this.#tracks.values()) {
      const need = this.#needOf(state, nowMs);
      if (need === undefined) continue;
      if (state.ownOffsetMs !== undefined) {
        const off = need - state.ownOffsetMs;
        state.ownOffsetMs += Math.abs(off) > SLEW_MS_MAX ? off : slewed(off, elapsedMs);
        continue;
      }
      least = Math.min(least, need);
      most = Math.max(most, need);
    }
    if (least > most) return;
    const wanted = Math.min(most, least + SPREAD_MS_MAX);
    this.#movedAt = nowMs;
    const off = this.#offsetMs === undefined ? Number.NaN : wanted - this.#offsetMs;
    const isStep = this.#isStep(off - slewed(off, elapsedMs), nowMs);
    if (Number.isNaN(off) || Math.abs(off) > SLEW_MS_MAX || isStep) {
      this.#offsetMs = wanted;
      this.#steppedAt = nowMs;
      this.interrupt();
    } else if (this.#offsetMs !== undefined) {
      this.#offsetMs += atOnce ? Math.max(0, off) : slewed(off, elapsedMs);
    }
  }

  /** Whether what the usual pace does not follow is a step. */
  #isStep(beyondMs: number, nowMs: number): boolean {
    const isSettled = this.settled(nowMs);
    const isPlaying = [...this.#tracks.keys()].some((track) => this.settled(nowMs, track));
    // While it starts, it is: a clock that drifts does not start for ever.
    if (!isPlaying) return !isSettled && Math.abs(beyondMs) > 1;
    // Of a track that begins beside others, the first frames do not say how late it is.
    const hasJoined = isSettled && this.#isJoining;
    this.#isJoining = !isSettled;
    return hasJoined && Math.abs(beyondMs) > NOTICED_MS;
  }
}

function slewed(off: number, elapsedMs: number): number {
  const most = elapsedMs * SLEW;
  return Math.min(Math.max(off, -most), most);
}
