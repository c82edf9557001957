import { serialDistance } from "../../src/base/index.ts";
import type { ChannelClient, ClientState, ClientStats } from "../../src/channel/index.ts";
import { type SiteCredentials, watchChannel } from "../../src/site/index.ts";
import {
  generationOf,
  mediumOf,
  payloadOf,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
} from "../../src/wire/index.ts";

/** A packet as a viewer received it. */
export interface Received {
  /** Names the flow that it belongs to: medium, source and generation. */
  readonly flow: string;
  readonly medium: number;
  readonly sequence: number;
  readonly bits: 16 | 32;
  /** The RTP packet, or the message. */
  readonly payload: Uint8Array;
  /** When it came, ms of performance.now. */
  readonly at: number;
}

/** How complete the received packets are. */
export interface Account {
  readonly packets: number;
  /** Numbers skipped within the flows. */
  readonly missing: number;
  /** Numbers received more than once. */
  readonly repeated: number;
}

/** Watches a channel as a program does, and keeps what it gets. */
export class Viewer implements Disposable {
  readonly received: Received[] = [];
  readonly states: ClientState[] = [];
  path: readonly string[] = [];
  gaps = 0;
  #client: ChannelClient | undefined;

  /** Watches `channel` at the site of that address. */
  static async open(
    url: string,
    channel: string,
    name = "viewer",
    credentials: SiteCredentials & { readonly follow?: boolean } = {},
  ): Promise<Viewer> {
    const viewer = new Viewer();
    viewer.#client = await watchChannel(
      url,
      channel,
      {
        onPacket: (packet) => viewer.#take(packet),
        onGap: ({ count }) => {
          viewer.gaps += count;
        },
        onPath: (sites) => {
          viewer.path = sites;
        },
        onState: (state) => viewer.states.push(state),
      },
      { name, ...credentials },
    );
    return viewer;
  }

  get stats(): ClientStats {
    return (this.#client as ChannelClient).stats;
  }

  /** Its packets as text. */
  get messages(): string[] {
    const decoder = new TextDecoder();
    return this.received.map(({ payload }) => decoder.decode(payload));
  }

  /** The flows received, in order of their beginning. */
  get flows(): string[] {
    return [...new Set(this.received.map(({ flow }) => flow))];
  }

  /** The packets received from index `from` on, compared with the numbers they should have. */
  account(from = 0): Account {
    const flows = new Map<string, { highest: number; first: number; seen: Set<number> }>();
    let repeated = 0;
    const packets = this.received.slice(from);
    for (const { flow, sequence, bits } of packets) {
      const known = flows.get(flow);
      if (known === undefined) {
        flows.set(flow, { highest: sequence, first: sequence, seen: new Set([sequence]) });
        continue;
      }
      // Unwrapped by the distance to the highest so far.
      const modulus = 2 ** bits;
      const wrapped = ((known.highest % modulus) + modulus) % modulus;
      const number = known.highest + serialDistance(wrapped, sequence, bits);
      if (known.seen.has(number)) repeated++;
      known.seen.add(number);
      known.highest = Math.max(known.highest, number);
      known.first = Math.min(known.first, number);
    }
    let missing = 0;
    for (const { highest, first, seen } of flows.values()) {
      missing += highest - first + 1 - seen.size;
    }
    return { packets: packets.length, missing, repeated };
  }

  /** The longest time between two packets from index `from` on, ms. */
  longestPause(from = 0): number {
    let longest = 0;
    for (let index = Math.max(1, from); index < this.received.length; index++) {
      const [before, after] = [this.received[index - 1], this.received[index]];
      if (before !== undefined && after !== undefined) {
        longest = Math.max(longest, after.at - before.at);
      }
    }
    return longest;
  }

  close(): void {
    this.#client?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(packet: Uint8Array): void {
    const medium = mediumOf(packet);
    this.received.push({
      flow: `${medium}/${sourceOf(packet)}/${generationOf(packet)}`,
      medium,
      sequence: sequenceOf(packet),
      bits: sequenceBitsOf(packet),
      payload: payloadOf(packet),
      at: performance.now(),
    });
  }
}
