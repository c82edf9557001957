import type { Clock, Random } from "../base/index.ts";
import type { ChannelStall, ControlMessage } from "../wire/index.ts";
import type { ClientState } from "./client-types.ts";
import type { Peer } from "./peer.ts";
import type { Receiver } from "./receiver.ts";
import { SiteTrials } from "./site-trials.ts";
import { StallWatch } from "./stall-watch.ts";

type Path = Extract<ControlMessage, { type: "path" }>;

/** What a {@link StallRecovery} works with. */
export interface StallRecoveryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly receiver: Receiver;
  /** The client's connections, by address. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Addresses of the sites that the client knows, best first. */
  sites(): readonly string[];
  /** Whether a site can be expected to go on. */
  isWell(peer: Peer): boolean;
  /** Connects to a site; calls `isWanted` before it uses the connection. Rejects when there is none. */
  connect(url: string, isWanted: () => boolean): Promise<void>;
  /** Closes the connection to a site that is not needed, and says nothing of it. */
  drop(url: string, reason: string): void;
  onState(state: ClientState): void;
}

/** A site that began to look for the channel a moment ago may yet find it, ms. */
const STALL_MS_MIN = 500;

/**
 * What a viewer does about a channel that does not arrive at its site: it says so, asks other sites, one at a time,
 * besides the one that it is connected to, and stays where the channel arrives. [W48]
 */
export class StallRecovery {
  readonly #options: StallRecoveryOptions;
  readonly #watch: StallWatch;
  readonly #trials: SiteTrials;
  /** As it was told last; undefined: the channel arrives, as far as is known. */
  #stalled: ChannelStall | undefined;
  /** The receiver was told that the channel arrives at the site that is tried. */
  #isUsed = false;

  constructor(options: StallRecoveryOptions) {
    this.#options = options;
    this.#watch = new StallWatch(options.clock);
    this.#trials = new SiteTrials(options);
  }

  /** Since how long the channel does not arrive, ms; undefined: it does. */
  get stalledMs(): number | undefined {
    if (this.#stalled === undefined) return undefined;
    return this.#watch.stall(this.#options.receiver.active ?? "")?.forMs ?? this.#stalled.forMs;
  }

  /** Whether a site is only tried. */
  tries(url: string): boolean {
    return this.#trials.current?.url === url;
  }

  /** A connection to a site was opened. */
  opened(url: string): void {
    this.#watch.opened(url);
    if (!this.tries(url)) this.#stalled = undefined;
  }

  /** The connection to a site ended. @returns false when the site was only tried, and nobody needs to know */
  closed(url: string): boolean {
    this.#watch.closed(url);
    if (this.tries(url)) {
      this.#trials.failed();
      return false;
    }
    return true;
  }

  /** The client looks for any site that answers. */
  lost(): void {
    this.#stalled = undefined;
    this.#trials.end();
  }

  /** A packet came from a site. @param continuous of a medium that has no pauses */
  packet(url: string, continuous: boolean): void {
    this.#watch.packet(url, continuous);
    if (this.#stalled !== undefined) this.judge();
  }

  /** The channel's tracks are known. */
  described(tracks: number): void {
    this.#watch.described(tracks);
  }

  /** A source has ended. */
  bye(): void {
    this.#watch.bye();
  }

  /** A site told its path; called before the receiver learns it. @returns false: the site is no gain, and dropped */
  path(url: string, path: Path): boolean {
    this.#watch.path(url, path);
    const { idle, sites, stalled } = path;
    if (!this.tries(url)) {
      if (sites.length > 0) this.endTrial("the channel arrives again");
      return true;
    }
    if (stalled !== undefined && stalled.forMs >= STALL_MS_MIN) {
      this.endTrial(stalled.reason);
      return false;
    }
    if (sites.length === 0) return true;
    if (this.#options.receiver.active === url) {
      // The way that it would take is only a promise.
      if (idle !== true) this.#settle(url);
    } else if (!this.#isUsed) {
      this.#isUsed = true;
      this.#options.receiver.use(url);
    }
    return true;
  }

  /** Does what is due. */
  tick(): void {
    this.#watch.tick();
    this.judge();
    this.#tryElsewhere();
  }

  /** Tells when the channel has stalled, and when it arrives again. */
  judge(): void {
    const { active } = this.#options.receiver;
    // A site that is tried has yet to show what it has.
    if (active === undefined || this.tries(active)) return;
    const stall = this.#watch.stall(active);
    const before = this.#stalled;
    this.#stalled = stall;
    const site = this.#nameOf(active);
    if (stall !== undefined) {
      const isTold =
        before?.reason === stall.reason && before.trying.join() === stall.trying.join();
      if (!isTold) this.#options.onState({ type: "stalled", site, ...stall });
      return;
    }
    if (before === undefined) return;
    this.endTrial("the channel arrives again");
    this.#trials.end();
    this.#options.onState({ type: "live", site });
  }

  /** The site that is tried, if any, is no gain, or not needed any more. */
  endTrial(reason: string): void {
    const trial = this.#trials.current;
    if (trial === undefined) return;
    this.#trials.failed();
    this.#options.drop(trial.url, reason);
  }

  #tryElsewhere(): void {
    const { clock, connect, peers, sites } = this.#options;
    const trial = this.#trials.current;
    if (trial !== undefined) {
      const isOpen = peers.get(trial.url)?.state === "open";
      if (isOpen && !this.#isHealthy(trial.url)) this.#settle(trial.url);
      else if (clock.now() >= trial.until) this.endTrial("it has no gain");
      return;
    }
    if (this.#stalled === undefined || !this.#isHealthy()) return;
    const url = this.#trials.next(sites().filter((each) => !peers.has(each)));
    if (url === undefined) return;
    this.#isUsed = false;
    const begun = this.#trials.current;
    const isWanted = (): boolean => this.#trials.current === begun;
    connect(url, isWanted).catch(() => {
      if (isWanted()) this.#trials.failed();
    });
  }

  /** The viewer stays at the site that was tried. */
  #settle(url: string): void {
    const { drop, onState, peers } = this.#options;
    this.#trials.end();
    for (const other of [...peers.keys()])
      if (other !== url) drop(other, "the channel arrives at another site");
    const wasStalled = this.#stalled !== undefined;
    this.#stalled = undefined;
    if (wasStalled) onState({ type: "live", site: this.#nameOf(url) });
    this.judge();
  }

  /** @param but without this site */
  #isHealthy(but?: string): boolean {
    const { isWell, peers } = this.#options;
    for (const [url, peer] of peers) if (url !== but && isWell(peer)) return true;
    return false;
  }

  #nameOf(url: string): string {
    return this.#options.peers.get(url)?.remote?.name ?? url;
  }
}
