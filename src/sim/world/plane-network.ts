import { type Log, MeanderError, type Random, type VirtualClock } from "../../base/index.ts";
import type { Neighbour } from "../../reflector/index.ts";
import {
  acceptStack,
  Bottlenecks,
  type Connection,
  composeStack,
  formatStack,
  parseStack,
  type StackPorts,
} from "../../stack/index.ts";
import { nodeCipher } from "../../transport/index.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { SimSite } from "./sim-site.ts";
import { VirtualGroups } from "./virtual-groups.ts";
import { virtualLinkPair } from "./virtual-link.ts";
import type { VirtualNetwork } from "./virtual-network.ts";

/** Who opens a connection to a plane. */
export interface PlaneCaller {
  readonly machine: string;
  readonly process: ProcessClock;
  /** Share of the datagrams that are lost on their arrival there, 0..1. */
  readonly dropRatio: number;
}

/** What a {@link PlaneNetwork} is made of. */
export interface PlaneNetworkOptions {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly random: Random;
  readonly log: Log;
  /** Whether links over the transport `memory` are like TCP, and not like datagrams. */
  readonly reliable: boolean;
}

/** What planes of a world reach each other by, and viewers them: stacks and groups, over the world's network. */
export class PlaneNetwork {
  readonly groups: VirtualGroups;
  readonly #options: PlaneNetworkOptions;
  readonly #bottlenecks = new Bottlenecks();
  readonly #neighbours = new Map<string, Neighbour>();

  constructor(options: PlaneNetworkOptions) {
    this.#options = options;
    this.groups = new VirtualGroups(options.network);
  }

  /** A site as planes reach it: one object for all that know it. */
  neighbour(name: string): Neighbour {
    const known = this.#neighbours.get(name);
    if (known !== undefined) return known;
    const address = { host: name, port: 1 };
    const neighbour = { name, http: address, udp: address };
    this.#neighbours.set(name, neighbour);
    return neighbour;
  }

  /** A connection by a stack. @throws {MeanderError} `connect-refused` */
  async dial(
    from: PlaneCaller,
    to: SimSite,
    stack: string,
    linkKey: () => string,
    own: (end: Connection) => void,
  ): Promise<Connection> {
    const { modules, transport } = parseStack(stack);
    const bottom = formatStack({ modules: [], transport });
    const isReliable = this.#isReliable(transport.name);
    const connection = this.#connect(from, to, { stack: bottom, isReliable });
    own(connection);
    return composeStack(modules, connection, this.portsOf(from.process, linkKey));
  }

  /** A connection of a viewer. @throws {MeanderError} `connect-refused` */
  async dialAsViewer(from: PlaneCaller, to: SimSite): Promise<Connection> {
    return this.#connect(from, to, { stack: "memory", isReliable: true });
  }

  /** What modules of a process's stacks need. */
  portsOf(clock: ProcessClock, linkKey: () => string): StackPorts {
    const { random, log } = this.#options;
    const utf8 = new TextEncoder();
    return {
      ...{ clock, random, log, cipher: nodeCipher },
      secret: () => utf8.encode(linkKey()),
      bottlenecks: this.#bottlenecks,
    };
  }

  #connect(
    from: PlaneCaller,
    to: SimSite,
    { stack, isReliable }: { readonly stack: string; readonly isReliable: boolean },
  ): Connection {
    const { clock, network } = this.#options;
    const { plane, process, machine } = to;
    if (plane === undefined || !network.isReachable(from.machine, machine))
      throw new MeanderError("connect-refused", `${to.name} does not answer`, {
        where: `site ${to.name}`,
      });
    const accepted = stack.startsWith("multicast") ? "udp" : stack;
    const [mine, theirs] = virtualLinkPair(
      network,
      clock,
      [
        { ...from, stack },
        // What viewers send is not lost by chance, nor what they get.
        { machine, process, stack: accepted, dropRatio: isReliable ? 0 : to.dropRatio },
      ],
      isReliable,
    );
    process.hold(() => plane.accept(theirs, (ports) => acceptStack(theirs, ports)));
    return mine;
  }

  #isReliable(transport: string): boolean {
    if (transport === "memory") return this.#options.reliable;
    return transport === "tcp" || transport === "websocket";
  }
}
