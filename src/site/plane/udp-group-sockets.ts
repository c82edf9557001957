import { assert, type Clock, type Log, type Random } from "../../base/index.ts";
import type { GroupOutput, GroupSockets } from "../../reflector/index.ts";
import {
  type DatagramRuntime,
  type GroupLinkOptions,
  GroupListener,
  GroupSender,
  interfaceTowards,
  nodeCipher,
  parseAddress,
} from "../../transport/index.ts";
import { multicastInterface } from "../multicast-interface.ts";

/** What {@link UdpGroupSockets} work with. */
export interface UdpGroupSocketsOptions {
  /** The address that the site listens on. */
  readonly host: string;
  /** Whether it may use other networks than those of its own machine. */
  readonly open: boolean;
  /** The session's link key; undefined before the site has joined. */
  secret(): Uint8Array | undefined;
  readonly runtime: DatagramRuntime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The groups of a site's links over UDP, on the interfaces by which it reaches its neighbours. */
export class UdpGroupSockets implements GroupSockets {
  readonly #options: UdpGroupSocketsOptions;

  constructor(options: UdpGroupSocketsOptions) {
    this.#options = options;
  }

  async openOutput(address: Parameters<GroupSockets["openOutput"]>[0]): Promise<GroupOutput> {
    const { isSealed, ttl } = address;
    const { random } = this.#options;
    const link = await this.#link(address);
    const sender = await GroupSender.open({ ...link, ttl, isSealed, random });
    return {
      from: sender.from,
      salt: sender.salt,
      get isSpent() {
        return sender.isSpent;
      },
      send: (packet) => sender.send(packet),
      close: () => void sender[Symbol.asyncDispose](),
    };
  }

  async openInput(
    address: Parameters<GroupSockets["openInput"]>[0],
    onPackets: (bytes: Uint8Array) => void,
    onDrop: (reason: string) => void,
  ): Promise<{ close(): void }> {
    const { from, salt } = address;
    const link = await this.#link(address);
    const listener = await GroupListener.open({ ...link, from, salt }, { onPackets, onDrop });
    return { close: () => void listener[Symbol.asyncDispose]() };
  }

  async #link({
    group,
    port,
    towards,
  }: {
    readonly group: string;
    readonly port: number;
    readonly towards: string;
  }): Promise<GroupLinkOptions> {
    const { clock, host, log, runtime, open, secret } = this.#options;
    const wanted = await interfaceTowards(parseAddress(towards).host);
    const on = multicastInterface(group, wanted, { host, open }) ?? wanted;
    const key = secret();
    assert(key !== undefined, "a site with neighbours has joined a session");
    return { group, port, interface: on, cipher: nodeCipher, secret: key, runtime, clock, log };
  }
}
