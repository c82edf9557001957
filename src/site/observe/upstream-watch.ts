import type { Clock, Log } from "../../base/index.ts";
import type { PlaneSnapshot } from "../../client/contract/index.ts";
import type { InputConfig } from "../../session/index.ts";
import type { ChannelStats } from "../plane-control.ts";

/** What an {@link UpstreamWatch} needs. */
export interface UpstreamWatchOptions {
  /** Channels that the site receives from other sites, by name. */
  inputs(): ReadonlyMap<string, InputConfig>;
  snapshot(): Promise<Pick<PlaneSnapshot, "channels">>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A start is over within this, ms. */
const START_MS = 5_000;
/** A failover is over within this, ms. */
const FAILOVER_MS = 1_000;
/** Channels that a reason names. */
const NAMED_MAX = 3;
const ANSWERING = ["active", "standby"];

/** `silent`: no upstream answers. `stalled`: they do, and have not got what is published either. */
type Fault = "silent" | "stalled";

const REASONS: Readonly<Record<Fault, string>> = {
  silent: "no upstream answers for",
  stalled: "no upstream has a way to",
};
const WARNINGS: Readonly<Record<Fault, string>> = {
  silent: "No upstream of a channel answers.",
  stalled: "No upstream of a channel has a way to it.",
};

/** Notices channels that are wanted and should come from other sites, and do not. */
export class UpstreamWatch {
  readonly #options: UpstreamWatchOptions;
  /** Channels without a path, and since when. */
  readonly #pathless = new Map<string, number>();
  /** Channels that have had a path. */
  readonly #arrived = new Set<string>();
  #faults: ReadonlyMap<string, Fault> = new Map();
  #isLooking = false;

  constructor(options: UpstreamWatchOptions) {
    this.#options = options;
  }

  /** Why the site is degraded; empty: it is not. */
  get reasons(): readonly string[] {
    return (["silent", "stalled"] as const).flatMap((fault) => this.#reasonOf(fault));
  }

  /** Looks at the channels of the plane; to be called about once a second. Never rejects. */
  async look(channels: readonly ChannelStats[]): Promise<void> {
    const now = this.#options.clock.now();
    const inputs = this.#options.inputs();
    const wanting = channels.filter(({ name, path, subscribers }) => {
      const { site, viewer, rtp } = subscribers;
      const isWanted = inputs.get(name)?.keep === true || site + viewer + rtp > 0;
      return path.length === 0 && inputs.has(name) && isWanted;
    });
    const names = new Set(wanting.map(({ name }) => name));
    for (const name of [...this.#pathless.keys()])
      if (!names.has(name)) this.#pathless.delete(name);
    for (const name of names) if (!this.#pathless.has(name)) this.#pathless.set(name, now);
    this.#noteArrived(channels);
    const lasting = [...this.#pathless].filter(([name, since]) => {
      return now - since >= (this.#arrived.has(name) ? FAILOVER_MS : START_MS);
    });
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const faults =
        lasting.length === 0 ? [] : await this.#faultsOf(lasting.map(([name]) => name));
      this.#tell(new Map(faults));
    } catch {
      // A plane that has ended ends the site.
    } finally {
      this.#isLooking = false;
    }
  }

  #reasonOf(fault: Fault): string[] {
    const names = [...this.#faults].filter(([, each]) => each === fault).map(([name]) => name);
    if (names.length === 0) return [];
    const named = names.slice(0, NAMED_MAX).map((name) => {
      const from = this.#options.inputs().get(name)?.from ?? [];
      return `${name} (from ${from.join(", ")})`;
    });
    const rest = names.length - named.length;
    return [`${REASONS[fault]} ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`];
  }

  #noteArrived(channels: readonly ChannelStats[]): void {
    const open = new Set(channels.map(({ name }) => name));
    for (const name of [...this.#arrived]) if (!open.has(name)) this.#arrived.delete(name);
    for (const { name, path } of channels) if (path.length > 0) this.#arrived.add(name);
  }

  /** Without a path there may be nothing to receive: an upstream that answers may wait for its publisher. */
  async #faultsOf(names: readonly string[]): Promise<readonly (readonly [string, Fault])[]> {
    const { channels } = await this.#options.snapshot();
    return names.flatMap((name): (readonly [string, Fault])[] => {
      const { description, inputs = [] } = channels.find((each) => each.name === name) ?? {};
      const isAnswered = inputs.some(
        ({ kind, state }) => kind === "site" && ANSWERING.includes(state),
      );
      if (!isAnswered) return [[name, "silent"]];
      // Of a channel that its publisher has left no tracks are described.
      return (description?.tracks.length ?? 0) > 0 ? [[name, "stalled"]] : [];
    });
  }

  #tell(faults: ReadonlyMap<string, Fault>): void {
    const { log, inputs } = this.#options;
    for (const [channel, fault] of faults) {
      if (this.#faults.get(channel) === fault) continue;
      const from = inputs().get(channel)?.from ?? [];
      log.warn(WARNINGS[fault], { channel, from });
    }
    for (const channel of this.#faults.keys())
      if (!faults.has(channel)) log.info("A channel has an upstream again.", { channel });
    this.#faults = faults;
  }
}
