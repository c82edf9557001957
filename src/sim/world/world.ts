import {
  InlineExecutor,
  inlineReader,
  type MakeInlineExecutor,
  type ShellPort,
  type StreamEvent,
  type UploadReader,
} from "../../agent/index.ts";
import {
  type Clock,
  type Log,
  MeanderError,
  SeededRandom,
  SILENT,
  VirtualClock,
} from "../../base/index.ts";
import { prepareCode } from "../../code/index.ts";
import type { PlaneEvent } from "../../reflector/index.ts";
import type { SiteRecord } from "../../session/index.ts";
import type { Connection } from "../../stack/index.ts";
import {
  type EndpointId,
  type KernelEvent,
  type SiteInstance,
  siteEndpoint,
} from "../../stream/index.ts";
import type { TimedStep, TraceEntry } from "../simulation.ts";
import { frameWords } from "../streams/frame-words.ts";
import { Invariants } from "../streams/invariants.ts";
import { PlaneNetwork } from "./plane-network.ts";
import { ProcessClock } from "./process-clock.ts";
import { SimSite, type SimSiteOptions } from "./sim-site.ts";
import { TraceLog } from "./trace-log.ts";
import { eachTurn } from "./turns.ts";
import { VirtualNetwork } from "./virtual-network.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Of what leaves machines for which nothing else is set, ms. Default 0.5. */
  readonly latencyMs?: number | undefined;
  /** Whether links over the transport `memory` are like TCP, and not like datagrams. Default true. */
  readonly reliable?: boolean | undefined;
  /** Whether chance decides what happens first of what is due at one instant. Default true; else the order of setting. */
  readonly ties?: boolean;
  /** Largest frame, bytes; that of datagrams by default. */
  readonly frameBytes?: number;
  readonly log?: Log;
  /** Keeps all that happens. Default false: the newest part. */
  readonly trace?: boolean;
}

/** The machine of viewers. */
const AUDIENCE = "audience";
/** What of planes is traced: not each subscriber. */
const TRACED: ReadonlySet<string> = new Set(["input-switched", "peer-suspected", "peer-down"]);
/** How long sites have to join at the start, ms. */
const START_MS = 60_000;

/**
 * Sites in one process, each with a forwarding plane and, as members of a session, with streams: the code that ships, on
 * one virtual clock and one virtual network. Promises are worked off before time moves on, so that everything is decided
 * by the seed.
 */
export class World {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** Of planes and viewers: what they draw changes nothing of what streams do. */
  readonly planeRandom: SeededRandom;
  readonly network: VirtualNetwork;
  readonly planes: PlaneNetwork;
  readonly log: Log;
  readonly invariants: Invariants;
  readonly sites: SimSite[] = [];
  readonly frameBytes: number;
  readonly reader: UploadReader;
  readonly traceLog: TraceLog;
  readonly #byName = new Map<string, SimSite>();
  readonly #times = new Map<TimedStep, number>();
  /** Whose process it is or was, by instance. */
  readonly #instances = new Map<number, SimSite>();
  readonly #eventListeners = new Set<(site: SimSite, event: StreamEvent) => void>();
  readonly #planeListeners = new Set<(site: SimSite, event: PlaneEvent) => void>();
  /** Where viewers are. */
  readonly #audience: ProcessClock;
  #executors: Promise<MakeInlineExecutor> | undefined;
  events = 0;
  /** Frames that sites gave to the network. */
  frames = 0;
  #concluded = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: WorldOptions) {
    const { seed, frameBytes = 1_200, log = SILENT, trace = false, ties = true } = options;
    this.random = new SeededRandom(seed);
    this.planeRandom = new SeededRandom(seed ^ 0x91a4e);
    this.clock = new VirtualClock(0, 1_700_000_000_000, {
      ties: ties ? new SeededRandom(seed ^ 0x5eed) : undefined,
    });
    const { clock, planeRandom: random } = this;
    this.network = new VirtualNetwork(clock, this.random, options.latencyMs);
    const { network } = this;
    this.planes = new PlaneNetwork({
      ...{ clock, network, random, log, reliable: options.reliable ?? true },
    });
    this.#audience = new ProcessClock(clock);
    this.log = log;
    this.frameBytes = frameBytes;
    this.traceLog = new TraceLog(trace, (frame) => frameWords(frame, (id) => this.#nameOf(id)));
    this.invariants = new Invariants(this);
    this.reader = inlineReader({
      prepare: prepareCode,
      now: () => this.clock.wall(),
      random: () => this.random.float(),
    });
  }

  /** The leading site. */
  get leader(): SimSite {
    const [first] = this.sites;
    if (first === undefined)
      throw new MeanderError("simulation-invalid", "there is no site yet", { where: "simulation" });
    return first;
  }

  /** A site that is not started yet; the first one leads. */
  addSite(
    options: Omit<SimSiteOptions, "machine" | "leads" | "dropRatio"> & {
      readonly machine?: string;
      readonly dropRatio?: number;
    },
  ): SimSite {
    const { name, machine = name, dropRatio = 0, ...rest } = options;
    const leads = this.sites.length === 0;
    const site = new SimSite(this, { ...rest, name, machine, dropRatio, leads });
    this.sites.push(site);
    this.#byName.set(name, site);
    return site;
  }

  site(name: string): SimSite {
    const site = this.#byName.get(name);
    if (site !== undefined) return site;
    throw new MeanderError("simulation-invalid", "there is no such site", {
      where: `site ${name}`,
    });
  }

  /** A shell at a site that has joined. */
  shell(site: SimSite, name?: string): ShellPort {
    const { streams } = site;
    if (streams === undefined)
      throw new MeanderError("site-unreachable", "the site is down", {
        where: `site ${site.name}`,
      });
    return streams.openShell(name);
  }

  /** A viewer connects to a site, which there may be or not. @throws {MeanderError} `connect-refused` */
  async dial(name: string): Promise<Connection> {
    const site = this.#byName.get(name);
    if (site === undefined)
      throw new MeanderError("connect-refused", "there is no such site", { where: `site ${name}` });
    const caller = { machine: AUDIENCE, process: this.#audience, dropRatio: 0 };
    return this.planes.dialAsViewer(caller, site);
  }

  /** What happened so far; empty unless all of it is kept. */
  get trace(): readonly TraceEntry[] {
    return this.traceLog.entries;
  }

  /** A place for the next process of a site. */
  newSiteInstance(site: SimSite): SiteInstance {
    const instance = this.#instances.size + 1;
    this.#instances.set(instance, site);
    return { site: site.name, instance };
  }

  /**
   * An executor for a process. What it needs is loaded once, before time begins; from then on this waits for nothing.
   */
  async newExecutor(clock: Clock): Promise<InlineExecutor> {
    this.#executors ??= InlineExecutor.opener();
    return (await this.#executors)({ clock, log: this.log });
  }

  setTime(step: TimedStep, ms: number): void {
    this.#times.set(step, ms);
  }

  timeOf(step: TimedStep): number {
    return this.#times.get(step) ?? 0;
  }

  /** A site sends a frame. */
  carry(from: SimSite, to: SiteInstance, frame: Uint8Array): void {
    this.frames++;
    const target = this.#instances.get(to.instance);
    if (target === undefined) return;
    const { siteInstance } = from;
    const fate = this.network.datagram(
      from.machine,
      target.machine,
      frame.byteLength,
      target.dropRatio,
      () => {
        if (target.siteInstance.instance === to.instance && target.isUp)
          target.take(siteInstance, frame);
      },
    );
    this.traceLog.frame(this.clock.now(), from.name, to.site, fate, frame);
  }

  /** Whether a site's process is seen to have ended, from another machine. */
  async isEnded(from: SimSite, record: SiteRecord): Promise<boolean> {
    const site = this.site(record.name);
    await new Promise<void>((resolve) => void from.process.after("probe", 2, resolve));
    if (!this.network.isReachable(from.machine, site.machine)) return false;
    return !site.isUp || site.siteInstance.instance !== record.instance;
  }

  /** A kernel tells what happened. */
  observe(site: SimSite, siteInstance: SiteInstance, event: KernelEvent): void {
    if (site.siteInstance !== siteInstance) return;
    this.invariants.observe(site, event);
    switch (event.type) {
      case "consumed": {
        const { type, stream, message, from, first, seq } = event;
        this.note(site.name, type, { stream, message, from, first, seq });
        return;
      }
      case "relocate":
      case "superseded": {
        const { type, ...detail } = event;
        this.note(site.name, type, detail);
        return;
      }
      default:
      // The site tells of it, too.
    }
  }

  /** A site tells those who listen of an event. */
  told(site: SimSite, siteInstance: SiteInstance, event: StreamEvent): void {
    if (site.siteInstance !== siteInstance) return;
    for (const listener of [...this.#eventListeners]) listener(site, event);
    const { type, at: _at, site: _site, ...detail } = event;
    if (type !== "consumed") this.note(site.name, type, detail);
  }

  /** Tells of the events of streams at all sites, where and when they happen. Undone by the returned function. */
  onEvent(listener: (site: SimSite, event: StreamEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => void this.#eventListeners.delete(listener);
  }

  /** A plane tells of an event. */
  planeTold(site: SimSite, event: PlaneEvent): void {
    for (const listener of [...this.#planeListeners]) listener(site, event);
    const { type, ...facts } = event;
    if (TRACED.has(type)) this.note(site.name, type, detailOf(facts));
  }

  /** Tells of the events of planes at all sites. Undone by the returned function. */
  onPlaneEvent(listener: (site: SimSite, event: PlaneEvent) => void): () => void {
    this.#planeListeners.add(listener);
    return () => void this.#planeListeners.delete(listener);
  }

  note(at: string, type: string, detail: TraceEntry["detail"]): void {
    this.traceLog.add({ seconds: this.clock.now() / 1_000, at, type, detail });
  }

  /** Whether an unhandled rejection is one of an agent in this world; if so, that agent is informed. */
  claimRejection(reason: unknown): boolean {
    return this.sites.some((site) => site.claimRejection(reason));
  }

  /** Ends the run with an error, unless it has one. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Runs something that takes virtual time; a failure ends the run. */
  run(task: () => Promise<unknown>): void {
    task().catch((error: unknown) => this.fail(error));
  }

  conclude(): void {
    this.#concluded = true;
  }

  get isConcluded(): boolean {
    return this.#concluded;
  }

  /**
   * Runs until `untilMs` of the virtual clock, `conclude`, a broken invariant, or until `done` says so.
   *
   * @param turnMs promises settle this often, ms; 0: after each event
   * @throws what a task of {@link run} threw
   */
  async advance(untilMs: number, done: () => boolean = () => false, turnMs = 0): Promise<void> {
    const { clock } = this;
    await eachTurn(() => {
      if (this.#concluded || this.invariants.violations.length > 0 || done()) return false;
      this.#throwFailure();
      if (turnMs > 0) {
        const leftMs = untilMs - clock.now();
        if (leftMs > 0) clock.advance(Math.min(turnMs, leftMs));
        return leftMs > 0;
      }
      const next = clock.nextAt;
      if (next === undefined || next > untilMs) {
        if (untilMs > clock.now() && Number.isFinite(untilMs)) clock.advance(untilMs - clock.now());
        return false;
      }
      clock.step();
      this.events++;
      return true;
    });
    this.#throwFailure();
  }

  /**
   * Starts all sites, the leader first, and runs until all have joined; not longer than `untilMs` of the virtual clock.
   */
  async start(untilMs = START_MS): Promise<void> {
    // What is loaded from disk on its first use is loaded before virtual time begins.
    await this.newExecutor(this.clock);
    await this.reader.agent({ source: "export default { on: {} }" }, "simulation");
    for (const site of this.sites) {
      this.run(async () => {
        if (site !== this.leader)
          await new Promise<void>((resolve) => void this.clock.after("boot", 5, resolve));
        // It may have been killed, or killed and started again, before its time.
        if (!site.isUp && !site.hasCrashed) await site.boot();
      });
    }
    await this.advance(Math.min(untilMs, START_MS), () => this.#stands());
  }

  /** Whether all sites that run have joined, and know each other. */
  #stands(): boolean {
    const running = this.sites.filter((site) => !site.hasCrashed && !site.process.frozen);
    return running.every(
      ({ hasJoined, streams }) => hasJoined && (streams?.sites.length ?? 0) >= running.length,
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #nameOf(id: EndpointId): string | undefined {
    const siteInstance = this.#instances.get(id - siteEndpoint({ site: "", instance: 0 }));
    if (siteInstance !== undefined) return `site ${siteInstance.name}`;
    for (const { streams } of this.sites) {
      const record = streams?.table.byId(id);
      if (record !== undefined) return record.name;
    }
    return undefined;
  }
}

/** The facts of an event that a trace can hold. */
function detailOf(facts: Readonly<Record<string, unknown>>): TraceEntry["detail"] {
  const detail: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(facts))
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      detail[key] = value;
  return detail;
}
