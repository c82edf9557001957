import { type Log, type Random, SILENT } from "../../base/index.ts";
import {
  type PlaneEvent,
  type PlaneSnapshot,
  plainLinks,
  Reflector,
  type RoutedPlane,
} from "../../reflector/index.ts";
import type { Connection, StackPorts } from "../../stack/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { nodeCipher } from "../../transport/index.ts";
import type { PlaneNetwork } from "./plane-network.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { SimSite } from "./sim-site.ts";

/** What the plane of a simulated site is made of. */
export interface SitePlaneOptions {
  readonly site: SimSite;
  readonly process: ProcessClock;
  readonly random: Random;
  readonly log?: Log;
  readonly planes: PlaneNetwork;
  /** @throws when there is none of that name */
  readonly siteOf: (name: string) => SimSite;
  readonly onEvent: (event: PlaneEvent) => void;
}

/** The forwarding plane of one process of a simulated site: the one that ships, on virtual links. */
export class SitePlane implements RoutedPlane {
  readonly reflector: Reflector;
  readonly #options: SitePlaneOptions;
  readonly #listeners: ((event: PlaneEvent) => void)[] = [];
  /** Ends of connections that the process holds. */
  readonly #ends = new Set<Connection>();
  #linkKey = "";
  #hasEnded = false;

  constructor(options: SitePlaneOptions) {
    this.#options = options;
    const { site, process, random, planes, siteOf, log = SILENT } = options;
    this.reflector = new Reflector({
      ...{ clock: process, random, log },
      security: plainLinks(nodeCipher),
      dial: (neighbour, stack) =>
        planes.dial(
          this.#caller,
          siteOf(neighbour.name),
          stack,
          () => this.#linkKey,
          (end) => this.#own(end),
        ),
      groups: planes.groups.at({ name: site.name, machine: site.machine, process }),
      onEvent: (event) => this.#tell(event),
    });
  }

  /** Who this site is. */
  configure(
    linkKey: string,
    limits: { readonly maxSubscribers: number; readonly maxBitsPerSecond: number },
  ): void {
    this.#linkKey = linkKey;
    const { site, instance } = this.#options.site.siteInstance;
    this.reflector.configure({ site, instance, linkKey, ...limits });
  }

  /** The session has another link key, because these sites were put out. */
  rekey(linkKey: string, expelled: readonly SiteInstance[]): void {
    this.#linkKey = linkKey;
    this.reflector.rekey(linkKey, expelled);
  }

  /** How the other sites are reached. @param names of all sites */
  setNeighbours(names: readonly string[]): void {
    const { planes } = this.#options;
    this.reflector.setNeighbours(this.#others(names).map((name) => planes.neighbour(name)));
  }

  /** Where viewers go on when this site is gone. @param names of all sites */
  setViewerSites(names: readonly string[]): void {
    this.reflector.setSites(this.#others(names).map((name) => ({ name, url: name })));
  }

  /** A connection has been opened from outside. @param stacked what its stack makes of it */
  accept(end: Connection, stacked: (ports: StackPorts) => Connection): void {
    const { process, planes } = this.#options;
    this.#own(end);
    this.reflector.accept(stacked(planes.portsOf(process, () => this.#linkKey)));
  }

  async setLimits(limits: Parameters<RoutedPlane["setLimits"]>[0]): Promise<void> {
    this.reflector.setLimits(limits);
  }

  async setReshaping(reshaping: Parameters<RoutedPlane["setReshaping"]>[0]): Promise<void> {
    this.reflector.setReshaping(reshaping);
  }

  async openChannel(options: Parameters<RoutedPlane["openChannel"]>[0]): Promise<void> {
    this.reflector.openChannel(options);
  }

  async refuseChannel(channel: string, code: string, message: string): Promise<void> {
    this.reflector.refuseChannel(channel, code, message);
  }

  async closeChannel(channel: string, reason: string): Promise<void> {
    this.reflector.closeChannel(channel, reason);
  }

  async snapshot(): Promise<PlaneSnapshot> {
    return this.reflector.snapshot();
  }

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Its process is gone: the kernel closes streams, and says nothing for datagrams. */
  end(): void {
    this.#hasEnded = true;
    for (const end of this.#ends) end.close();
    this.#ends.clear();
    this.reflector.close();
  }

  get #caller(): { machine: string; process: ProcessClock; dropRatio: number } {
    const { site, process } = this.#options;
    return { machine: site.machine, process, dropRatio: site.dropRatio };
  }

  #others(names: readonly string[]): string[] {
    return names.filter((name) => name !== this.#options.site.name);
  }

  #own(end: Connection): void {
    this.#ends.add(end);
    void end.closed.then(() => this.#ends.delete(end));
  }

  #tell(event: PlaneEvent): void {
    if (this.#hasEnded) return;
    for (const listener of this.#listeners) listener(event);
    this.#options.onEvent(event);
  }
}
