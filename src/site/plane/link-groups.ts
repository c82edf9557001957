import type { Clock, Log, Random } from "../../base/index.ts";
import type { GroupMeans, GroupOutput } from "../../reflector/index.ts";
import {
  type DatagramMeans,
  type GroupLinkOptions,
  GroupListener,
  GroupSender,
  interfaceTowards,
  nodeCipher,
  parseAddress,
} from "../../transport/index.ts";
import { multicastInterface } from "../multicast-interface.ts";

/** The groups of a site's links to others: on the interface by which it reaches them. */
export class SocketGroups implements GroupMeans {
  readonly #options: {
    readonly host: string;
    readonly open: boolean;
    secret(): Uint8Array | undefined;
    readonly means: DatagramMeans;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Log;
  };

  /** @param options.host what the site listens on; `open` whether it takes part in the networks of others */
  constructor(options: {
    readonly host: string;
    readonly open: boolean;
    /** The session's link key; undefined before the site has joined. */
    secret(): Uint8Array | undefined;
    readonly means: DatagramMeans;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Log;
  }) {
    this.#options = options;
  }

  async openOutput(address: Parameters<GroupMeans["openOutput"]>[0]): Promise<GroupOutput> {
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
    address: Parameters<GroupMeans["openInput"]>[0],
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
    const { clock, host, log, means, open, secret } = this.#options;
    const wanted = await interfaceTowards(parseAddress(towards).host);
    const on = multicastInterface(group, wanted, { host, open }) ?? wanted;
    const known = secret() ?? new Uint8Array();
    return { group, port, interface: on, cipher: nodeCipher, secret: known, means, clock, log };
  }
}
