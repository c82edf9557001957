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

/** A failover, and a start, are over within this, ms. */
const GRACE_MS = 5_000;
/** Channels that a reason names. */
const NAMED_MAX = 3;
const ANSWERING = ["active", "standby"];

/** Notices channels that should come from other sites, while none of those answers. */
export class UpstreamWatch {
  readonly #options: UpstreamWatchOptions;
  /** Channels without a path, and since when. */
  readonly #pathless = new Map<string, number>();
  #silent: readonly string[] = [];
  #isLooking = false;

  constructor(options: UpstreamWatchOptions) {
    this.#options = options;
  }

  /** Why the site is degraded; empty: it is not. */
  get reasons(): readonly string[] {
    if (this.#silent.length === 0) return [];
    const named = this.#silent.slice(0, NAMED_MAX).map((name) => {
      const from = this.#options.inputs().get(name)?.from ?? [];
      return `${name} (from ${from.join(", ")})`;
    });
    const rest = this.#silent.length - named.length;
    return [`no upstream answers for ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`];
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
    const lasting = [...this.#pathless].filter(([, since]) => now - since >= GRACE_MS);
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#tell(lasting.length === 0 ? [] : await this.#silentOf(lasting.map(([name]) => name)));
    } catch {
      // A plane that has ended ends the site.
    } finally {
      this.#isLooking = false;
    }
  }

  /** Without a path there may still be an upstream: one that waits for its publisher. */
  async #silentOf(names: readonly string[]): Promise<readonly string[]> {
    const { channels } = await this.#options.snapshot();
    return names.filter((name) => {
      const inputs = channels.find((each) => each.name === name)?.inputs ?? [];
      return !inputs.some(({ kind, state }) => kind === "site" && ANSWERING.includes(state));
    });
  }

  #tell(silent: readonly string[]): void {
    const { log, inputs } = this.#options;
    for (const channel of silent) {
      if (this.#silent.includes(channel)) continue;
      const from = inputs().get(channel)?.from ?? [];
      log.warn("No upstream of a channel answers.", { channel, from });
    }
    for (const channel of this.#silent)
      if (!silent.includes(channel)) log.info("A channel has an upstream again.", { channel });
    this.#silent = silent;
  }
}
