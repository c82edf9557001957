import type { Clock, Random } from "../../src/base/index.ts";
import { ChannelClient } from "../../src/channel/index.ts";
import { type Dialler, type Kind, linkUrl, openDialler, type SiteAddress } from "./crowd-sites.ts";
import { FlowAccount } from "./flow-account.ts";

/** Troubles of a viewer that are kept in words. */
const TROUBLE_MAX = 3;

/** One viewer as the library makes it, and the account of what it got. */
export class CrowdViewer {
  readonly kind: Kind;
  readonly account = new FlowAccount();
  readonly joinedAt: number;
  /** What sites said that they would not send. */
  gaps = 0;
  refusals = 0;
  /** In words, the first of it. */
  readonly trouble: string[] = [];
  readonly #client: ChannelClient;
  readonly #dialler: Dialler;

  /** @param sites best first */
  static async open(options: {
    readonly kind: Kind;
    readonly name: string;
    readonly channel: string;
    readonly sites: readonly SiteAddress[];
    readonly clock: Clock;
    readonly random: Random;
  }): Promise<CrowdViewer> {
    const dialler = await openDialler(options.kind, options.sites, options.clock);
    return new CrowdViewer(options, dialler);
  }

  private constructor(options: Parameters<typeof CrowdViewer.open>[0], dialler: Dialler) {
    const { channel, clock, kind, name, random, sites } = options;
    this.kind = kind;
    this.joinedAt = clock.now();
    this.#dialler = dialler;
    this.#client = new ChannelClient(
      { channel, name, clock, random, sites: sites.map(linkUrl), dial: (url) => dialler.dial(url) },
      {
        onPacket: (packet) => this.account.take(packet, clock.now()),
        onDescription() {},
        onReport() {},
        onGap: ({ count, medium, sequence }) => {
          this.gaps += count;
          if (this.trouble.length >= TROUBLE_MAX) return;
          const { packets, open } = this.account;
          this.trouble.push(
            `${name} (${kind}) was told that ${count} from ${medium}/${sequence} on are gone, with ${packets} packets and ${open} open`,
          );
        },
        onPath() {},
        onState: ({ type }) => {
          if (type === "refused") this.refusals++;
        },
      },
    );
    this.#client.start();
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#dialler[Symbol.asyncDispose]();
  }
}
