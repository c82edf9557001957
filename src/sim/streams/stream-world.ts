import { type DescribeDefinition, describeInline, InlineExecutor, type ShellPort } from "../../agent/index.ts";
import { type Log, MeanderError, SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import type { SiteRecord } from "../../session/index.ts";
import type { KernelEvent, Place } from "../../stream/index.ts";
import type { TimedStep, TraceEntry } from "../simulation.ts";
import { VirtualNetwork } from "../virtual-network.ts";
import { Invariants } from "./invariants.ts";
import { SimSite } from "./sim-site.ts";

export interface StreamWorldOptions {
  readonly seed: number;
  /** Largest frame, bytes; that of datagrams by default. */
  readonly frameBytes?: number;
  readonly log?: Log;
  /** Keeps what happens. Default false. */
  readonly trace?: boolean;
}

/** Real time is given to the rest of the process after this many events. */
const BREATH = 2_000;

/**
 * A session of sites in one process: the code that ships, on one virtual clock and one virtual network. Promises are worked off before time moves on, so
 * that everything is decided by the seed.
 */
export class StreamWorld {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly log: Log;
  readonly invariants: Invariants;
  readonly sites: SimSite[] = [];
  readonly frameBytes: number;
  readonly describe: DescribeDefinition;
  readonly trace: TraceEntry[] = [];
  readonly #isTracing: boolean;
  readonly #times = new Map<TimedStep, number>();
  #instances = 0;
  events = 0;
  /** Frames that sites gave to the network. */
  frames = 0;
  #concluded = false;
  #failure: unknown;

  constructor({ seed, frameBytes = 1_200, log = SILENT, trace = false }: StreamWorldOptions) {
    this.random = new SeededRandom(seed);
    this.clock = new VirtualClock(0, 1_700_000_000_000, { ties: new SeededRandom(seed ^ 0x5eed) });
    this.network = new VirtualNetwork(this.clock, this.random);
    this.log = log;
    this.frameBytes = frameBytes;
    this.#isTracing = trace;
    this.invariants = new Invariants(this);
    this.describe = describeInline({ now: () => this.clock.wall(), random: () => this.random.float() });
  }

  /** The leading site. */
  get leader(): SimSite {
    const [first] = this.sites;
    if (first === undefined) throw new MeanderError("simulation-invalid", "there is no site yet", { where: "simulation" });
    return first;
  }

  /** A site that is not started yet; the first one leads. */
  addSite(options: { readonly name: string; readonly machine?: string; readonly dropRatio?: number }): SimSite {
    const { name, machine = name, dropRatio = 0 } = options;
    const site = new SimSite(this, { name, machine, dropRatio, leads: this.sites.length === 0 });
    this.sites.push(site);
    return site;
  }

  site(name: string): SimSite {
    const site = this.sites.find((each) => each.name === name);
    if (site !== undefined) return site;
    throw new MeanderError("simulation-invalid", "there is no such site", { where: `site ${name}` });
  }

  /** A shell at a site that has joined. */
  shell(site: SimSite, name?: string): ShellPort {
    const { streams } = site;
    if (streams === undefined) throw new MeanderError("site-unreachable", "the site is down", { where: `site ${site.name}` });
    return streams.openShell(name);
  }

  nextInstance(): number {
    return ++this.#instances;
  }

  setTime(step: TimedStep, ms: number): void {
    this.#times.set(step, ms);
  }

  timeOf(step: TimedStep): number {
    return this.#times.get(step) ?? 0;
  }

  /** A site sends a frame. */
  carry(from: SimSite, to: Place, frame: Uint8Array): void {
    if (from.process.isDead) return;
    this.frames++;
    this.invariants.frameSent(from, to, frame);
    const target = this.sites.find(({ place }) => place.instance === to.instance);
    if (target === undefined) return;
    const { place } = from;
    const costMs = this.timeOf("send") + this.timeOf("receive");
    const deliver = (): void => {
      if (target.place.instance === to.instance && target.isUp) target.take(place, frame);
    };
    const later = costMs === 0 ? deliver : () => void this.clock.after("frame handled", costMs, deliver);
    const fate = this.network.datagram(from.machine, target.machine, frame.byteLength, target.dropRatio, later);
    if (this.#isTracing) this.note(from.name, fate === "sent" ? "frame-sent" : `frame-${fate}`, { to: to.site, bytes: frame.byteLength });
  }

  /** Whether a site's process is seen to have ended, from another machine. */
  async isEnded(from: SimSite, record: SiteRecord): Promise<boolean> {
    const site = this.site(record.name);
    await new Promise<void>((resolve) => void from.process.after("probe", 2, resolve));
    if (this.network.isCut(from.machine, site.machine)) return false;
    return !site.isUp || site.place.instance !== record.instance;
  }

  /** A kernel tells what happened. */
  observe(site: SimSite, place: Place, event: KernelEvent): void {
    if (site.place !== place) return;
    this.invariants.observe(site, event);
    if (this.#isTracing) {
      const { type, ...detail } = event;
      const plain = Object.fromEntries(Object.entries(detail).filter(([, value]) => typeof value !== "object"));
      this.note(site.name, type, plain as TraceEntry["detail"]);
    }
  }

  note(at: string, type: string, detail: TraceEntry["detail"]): void {
    if (this.#isTracing) this.trace.push({ seconds: this.clock.now() / 1_000, at, type, detail });
  }

  /** Runs something that takes virtual time; a failure ends the run. */
  run(task: () => Promise<unknown>): void {
    task().catch((error: unknown) => {
      this.#failure ??= error;
    });
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
   * @throws what a task of {@link run} threw
   */
  async advance(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await settle();
    while (!this.#concluded && this.invariants.violations.length === 0 && !done()) {
      if (this.#failure !== undefined) throw this.#failure;
      const next = this.clock.nextAt;
      if (next === undefined || next > untilMs) {
        if (untilMs > this.clock.now() && Number.isFinite(untilMs)) this.clock.advance(untilMs - this.clock.now());
        return;
      }
      this.clock.step();
      this.events++;
      await settle();
      if (this.events % BREATH === 0) await breathe();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Starts all sites, the leader first, and runs until all have joined. */
  async start(): Promise<void> {
    // What is loaded from disk on its first use is loaded before virtual time begins.
    await InlineExecutor.open({ clock: this.clock, log: this.log });
    await this.describe("({ on: {} })");
    let joined = 0;
    for (const site of this.sites) {
      this.run(async () => {
        if (site !== this.leader) await new Promise<void>((resolve) => void this.clock.after("boot", 5, resolve));
        await site.boot();
        joined++;
      });
    }
    await this.advance(60_000, () => joined === this.sites.length && this.#allKnown());
  }

  #allKnown(): boolean {
    return this.sites.every((site) => site.streams?.sites.length === this.sites.length);
  }
}

/** Until all promises that can settle have. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function breathe(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
