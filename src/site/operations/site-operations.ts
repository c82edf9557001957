import { join } from "node:path";
import { type Clock, LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import type { HealthView, SiteStats, StatsView } from "../../client/contract/index.ts";
import type { DirectoryStatus } from "../../directory/index.ts";
import type { InputConfig, RouteConfig, SiteRecord } from "../../session/index.ts";
import type { LogGate } from "../observe/log-gate.ts";
import { readSocketBufferMax } from "../observe/resource-readings.ts";
import { SiteMonitor } from "../observe/site-monitor.ts";
import { UpstreamWatch } from "../observe/upstream-watch.ts";
import type { WriteWatch } from "../observe/write-watch.ts";
import type { Plane } from "../plane/plane.ts";
import { type Handover, leaveHandover, takeHandover } from "./handover.ts";
import { LogLevels } from "./log-levels.ts";

/** What a {@link SiteOperations} needs. */
export interface SiteOperationsOptions {
  readonly record: SiteRecord;
  readonly plane: Plane;
  readonly clock: Clock;
  readonly log: Log;
  readonly logGate: LogGate;
  /** The site's folder. */
  readonly data: string;
  /** Those that it serves have this long to go on elsewhere when it ends, ms. */
  readonly leaveMs: number;
  /** Streams that are at the site. */
  streams(): number;
  /** Why they are halted as a whole; undefined: they are not. */
  halted(): string | undefined;
  directory(): DirectoryStatus;
  /** Why its audit log is not written; empty: it is. */
  audit(): readonly string[];
  /** Of the session's directory, where this site leads. */
  readonly writes: WriteWatch;
  /** Channels that come, or should come, from other sites. */
  inputs(): ReadonlyMap<string, InputConfig>;
  /** What the site has open that is in no configuration. */
  handover(): Handover;
  /** Whether the site is started again after a restart. */
  readonly canRestart: boolean;
  /** Stops the site, soon. */
  stop(): void;
}

/** How a site is run: its health, stats and their history, the level of its log, and its restart. */
export class SiteOperations {
  readonly monitor: SiteMonitor;
  readonly logLevels: LogLevels;
  readonly #options: SiteOperationsOptions;
  #isRestarting = false;
  #toldViewers = 0;

  constructor(options: SiteOperationsOptions) {
    const { record, plane, clock, log, logGate, data, streams, halted } = options;
    const { directory, audit, writes, inputs } = options;
    const upstreams = new UpstreamWatch({ inputs, snapshot: () => plane.snapshot(), clock, log });
    this.#options = options;
    this.logLevels = new LogLevels({ gate: logGate, plane, clock, log });
    this.monitor = new SiteMonitor({
      ...{ site: record.name, instance: record.instance, startedAt: record.startedAt },
      ...{ clock, log, streams, file: join(data, "statistics") },
      stats: async () => {
        const stats = await plane.stats();
        void upstreams.look(stats.channels);
        return stats;
      },
      reasons: () => {
        const status = directory();
        const reasons = status.type === "connected" ? [] : [status.reason];
        const why = halted();
        const halt =
          why === undefined
            ? []
            : [`its streams are halted: ${why}; \`meander stream resume\` has them go on`];
        return [...reasons, ...halt, ...audit(), ...writes.reasons, ...upstreams.reasons];
      },
    });
  }

  /** Whether the site stops in order to start again. */
  get isRestarting(): boolean {
    return this.#isRestarting;
  }

  /** Starts the monitor, and warns of socket buffers that are too small. */
  async start(): Promise<void> {
    await this.monitor.start();
    const bytes = await readSocketBufferMax();
    if (bytes === undefined || bytes >= LIMITS.udpBufferBytes) return;
    this.#options.log.warn(
      "The system allows UDP sockets only small buffers; bursts may be lost.",
      {
        bytes,
        wanted: LIMITS.udpBufferBytes,
        next: `sysctl -w net.core.rmem_max=${LIMITS.udpBufferBytes}`,
      },
    );
  }

  async health(): Promise<HealthView> {
    const { record, plane, clock, streams, directory } = this.#options;
    const { channels } = await plane.stats();
    const { reasons } = this.monitor;
    return {
      status: reasons.length === 0 ? "ok" : "degraded",
      site: record.name,
      directory: directory().type,
      reason: reasons.length === 0 ? null : reasons.join("; "),
      channels: channels.length,
      streams: streams(),
      uptimeSeconds: Math.max(0, (clock.wall() - record.startedAt) / 1000),
    };
  }

  currentStats(): Promise<SiteStats> {
    return this.monitor.latest();
  }

  stats(query: Parameters<SiteMonitor["stats"]>[0]): StatsView {
    return this.monitor.stats(query);
  }

  /** Warns of routes that admit more viewers than there are descriptors, when they are set and not when they fail. */
  async checkRoutes({ maxSubscribers }: RouteConfig): Promise<void> {
    const { plane, log } = this.#options;
    const { descriptors } = await plane.stats();
    if (descriptors === undefined) return;
    const viewers = Math.max(0, descriptors.limit - descriptors.open - LIMITS.descriptorsReserved);
    if (maxSubscribers <= viewers || this.#toldViewers === maxSubscribers) return;
    this.#toldViewers = maxSubscribers;
    log.warn("The site may have more subscribers than it has descriptors for.", {
      maxSubscribers,
      viewers,
      descriptors: descriptors.limit,
      next: "raise its limit of open files (LimitNOFILE, ulimit -n), or lower maxSubscribers",
    });
  }

  /**
   * Asks the site to stop and start again with the same arguments and ports; returns at once.
   *
   * @throws {MeanderError} `restart-refused`
   */
  requestRestart(): void {
    if (!this.#options.canRestart) {
      throw new MeanderError("restart-refused", "this site would not be started again", {
        where: `site ${this.#options.record.name}`,
        expected: "a site that runs in a process of its own, as `meander site` does",
        next: "restart the program that runs it",
      });
    }
    this.#isRestarting = true;
    this.#options.stop();
  }

  /** Reopens what the last run left open, when this run is its restart. */
  async takeOver(
    open: (handover: Handover, failed: (what: string, error: unknown) => void) => Promise<void>,
  ): Promise<void> {
    const { clock, log } = this.#options;
    const failed = (what: string, error: unknown): void =>
      log.warn("Something that was open before the restart was not reopened.", {
        what,
        error: messageOf(error),
      });
    try {
      const handover = await takeHandover(this.#handoverFile, clock);
      if (handover === undefined) return;
      const { inputs, outputs } = handover;
      log.info("What was open before the restart is being reopened.", {
        inputs: inputs.length,
        outputs: outputs.length,
      });
      await open(handover, failed);
    } catch (error) {
      failed("the handover", error);
    }
  }

  /**
   * Has neighbours and viewers continue elsewhere; what the site has open is left to its next run, if any. Never
   * rejects.
   */
  async depart(): Promise<void> {
    const { plane, clock, leaveMs, log, handover } = this.#options;
    try {
      if (this.#isRestarting) await leaveHandover(this.#handoverFile, handover(), clock);
    } catch (error) {
      log.warn("The next run will not know what was open.", { error: messageOf(error) });
    }
    try {
      const { served, stayed } = await plane.depart(leaveMs);
      if (served > 0) log.info("Subscribers continue elsewhere.", { served, stayed });
    } catch (error) {
      log.warn("Subscribers were not told that the site stops.", { error: messageOf(error) });
    }
  }

  /** Stops; statistics are saved for the next run. */
  async stop(): Promise<void> {
    this.logLevels.close();
    await this.monitor.stop();
  }

  get #handoverFile(): string {
    return join(this.#options.data, "handover.json");
  }
}
