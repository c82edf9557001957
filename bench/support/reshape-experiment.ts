import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type NetworkSettings, ReshapeNetwork } from "./reshape-network.ts";
import { LEADER, pathOf } from "./reshape-topology.ts";
import type { Window } from "./reshape-windows.ts";
import { type Arrival, type TestLoad, TestReceiver, TestSender } from "./test-streams.ts";
import { ViewerSink } from "./viewer-sink.ts";

/** A network with streams through it. */
export interface ExperimentSettings extends NetworkSettings {
  readonly load: TestLoad;
  /** At each place where a channel is received; all but one are of one program. */
  readonly subscribers: number;
  /** The least time that is looked at around an event, ms. */
  readonly windowMs: number;
  /** The leader stands still during events. */
  readonly isLeaderStopped: boolean;
}

/** An event that was made, and what is known of it before the logs are read. */
export interface MadeEvent extends Window {
  readonly event: string;
  /** When all packets came by the path that was expected, ms after the event began; undefined: they did not in time. */
  readonly settledMs: number | undefined;
  /** What the other subscribers lost, got twice, or were cut off from. */
  readonly crowd: { readonly lost: number; readonly repeated: number; readonly closed: number };
}

/** What an experiment leaves. */
export interface Outcome {
  readonly events: readonly MadeEvent[];
  /** Of each receiver, all that came. */
  readonly arrivals: readonly (readonly Arrival[])[];
}

/** Time for packets to come by another path, ms: a site that was lost more than once is not trusted for long. */
const SETTLE_MS_MAX = 45_000;
/** For neighbours to tell each other of their neighbours, and to be connected, ms. */
const QUIET_MS = 2_000;
/** Looked at after the path has changed, ms. */
const AFTER_MS = 1_000;

/** Makes events in a network while streams pass it, and notes when. */
export class Experiment {
  readonly network: ReshapeNetwork;
  readonly #settings: ExperimentSettings;
  readonly #senders: TestSender[] = [];
  readonly #receivers: TestReceiver[] = [];
  readonly #crowds: ViewerSink[] = [];
  readonly #events: MadeEvent[] = [];

  private constructor(settings: ExperimentSettings, network: ReshapeNetwork) {
    this.#settings = settings;
    this.network = network;
  }

  /** Settles when packets pass all sites. */
  static async open(settings: ExperimentSettings): Promise<Experiment> {
    const experiment = new Experiment(settings, await ReshapeNetwork.open(settings));
    try {
      await experiment.#start();
      return experiment;
    } catch (error) {
      await experiment.close();
      throw error;
    }
  }

  /** Nothing happens. */
  none(): Promise<void> {
    return this.#make("none", async () => {}, true);
  }

  /** The site stops in order. @param event name of it */
  async leave(event = "leave"): Promise<void> {
    const { victim } = this.network;
    await this.#make(event, async () => victim.signal("SIGTERM"), false);
    await victim.ended();
  }

  /** The site is started again. @param event name of it; undefined: it is not noted */
  async return(event?: string): Promise<void> {
    const start = (): Promise<void> => this.network.start(this.#settings.topology.victim);
    if (event === undefined) {
      await start();
      await this.#untilPaths(true);
    } else await this.#make(event, start, true);
    await sleep(QUIET_MS);
  }

  /** The site is killed. */
  async crash(): Promise<void> {
    const { victim } = this.network;
    await this.#make("crash", async () => victim.signal("SIGKILL"), false);
  }

  /** Nothing passes between the site and the others. */
  async cut(): Promise<void> {
    const { wire } = this.#settings;
    if (wire === undefined) throw new Error("the site has no wire of its own");
    await this.#make("cut", () => wire.cut(true), false);
    await wire.cut(false);
  }

  /** Ends all. */
  async finish(): Promise<Outcome> {
    for (const sender of this.#senders.splice(0)) await sender.stop();
    await sleep(AFTER_MS);
    const arrivals: Arrival[][] = [];
    for (const receiver of this.#receivers.splice(0)) arrivals.push(await receiver.stop());
    await this.close();
    return { events: this.#events, arrivals };
  }

  /** Ends all, without an outcome. */
  async close(): Promise<void> {
    for (const each of [...this.#senders.splice(0), ...this.#receivers.splice(0)])
      await each.stop().catch(() => undefined);
    for (const crowd of this.#crowds.splice(0)) await crowd.stop();
    await this.network.close();
  }

  async #start(): Promise<void> {
    const { load, subscribers, topology } = this.#settings;
    const { folder } = this.network;
    const urlOf = (site: string): string => this.network.site(site).client.url;
    for (const [channel, site] of Object.entries(topology.ingests))
      this.#senders.push(await TestSender.start(urlOf(site), channel, load));
    for (const { channel, site } of topology.receivers) {
      const log = join(folder, `${site}-${channel}.csv`);
      this.#receivers.push(new TestReceiver(urlOf(site), channel, log));
    }
    await this.#untilPaths(true);
    if (subscribers > 1) {
      for (const { channel, site } of topology.receivers) {
        const crowd = {
          ...{ port: this.network.site(site).port, viewers: subscribers - 1 },
          speech: { protocol: "tcp", channel } as const,
        };
        this.#crowds.push(await ViewerSink.open(crowd, folder));
      }
    }
    await sleep(QUIET_MS);
  }

  /** @param isWhole whether packets shall pass the site afterwards, or go around it */
  async #make(event: string, act: () => Promise<void>, isWhole: boolean): Promise<void> {
    const { isLeaderStopped, windowMs } = this.#settings;
    const leader = this.network.site(LEADER);
    if (isLeaderStopped) leader.signal("SIGSTOP");
    for (const crowd of this.#crowds) await crowd.reset();
    const fromMs = Date.now();
    const began = performance.now();
    await act();
    const isSettled = await this.#untilPaths(isWhole).then(
      () => true,
      () => false,
    );
    const settledMs = performance.now() - began;
    await sleep(Math.max(isWhole && event !== "none" ? AFTER_MS : 0, windowMs - settledMs));
    const toMs = Date.now();
    const crowd = { lost: 0, repeated: 0, closed: 0 };
    for (const each of this.#crowds) {
      const { closed, lost, repeated } = await each.count();
      crowd.lost += lost;
      crowd.repeated += repeated;
      crowd.closed += closed;
    }
    if (isLeaderStopped) leader.signal("SIGCONT");
    this.#events.push({
      ...{ event, fromMs, toMs, crowd },
      settledMs: isSettled ? settledMs : undefined,
    });
  }

  /** Settles when packets come by the path through the site, or around it, everywhere. */
  async #untilPaths(isWhole: boolean): Promise<void> {
    const { topology } = this.#settings;
    const without = isWhole ? undefined : topology.victim;
    await Promise.all(
      this.#receivers.map((receiver, index) => {
        const { channel = "", site = "" } = topology.receivers[index] ?? {};
        return receiver.untilPath(pathOf(topology, channel, site, without), SETTLE_MS_MAX);
      }),
    );
  }
}
