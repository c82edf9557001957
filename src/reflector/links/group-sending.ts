import { type Clock, type Log, messageOf } from "../../base/index.ts";
import type { Peer } from "../../channel/index.ts";
import {
  type ControlMessage,
  encodeControl,
  encodeHex,
  encodePacket,
  KIND,
  MEDIUM,
} from "../../wire/index.ts";
import type { GroupWay } from "../egress/outlet.ts";
import type { GroupMeans, GroupOutput } from "./group-means.ts";
import { GroupBundle, GroupPlace } from "./group-place.ts";

/** How often a group is probed, and how long an answer may stay away, ms. */
const PROBE_MS = 200;
const PROOF_MS = 700;
/** Probes whose answers are still of use. */
const PROBES = 8;
/** Groups that neighbours may have a site send to at once. */
const GROUPS_MAX = 64;

type Wish = Extract<ControlMessage, { type: "group-wanted" }>;

/** One group that neighbours asked for. */
interface Lane {
  readonly wish: Wish;
  readonly key: string;
  output: GroupOutput | undefined;
  readonly members: Map<Peer, Member>;
  /** By channel id. */
  readonly bundles: Map<number, GroupBundle>;
  /** Probes sent, and when the last ones were. */
  probes: number;
  readonly probedAt: number[];
}

interface Member {
  /** When the newest probe that it heard was sent, ms; undefined: it heard none. */
  heardAt: number | undefined;
  isProven: boolean;
}

export interface GroupSendingOptions {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly means: GroupMeans;
  /**
   * A neighbour is served by a group from now on, or by its own connection again: then `since` says from when on what was sent
   * may not have come, ms.
   */
  onServed(peer: Peer, since: number | undefined): void;
}

/** The sending half of links by a group: probes it, and serves by it those who are seen to hear. [W29] */
export class GroupSending {
  readonly #options: GroupSendingOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #laneOf = new Map<Peer, Lane>();
  #sequence = 0;

  constructor(options: GroupSendingOptions) {
    this.#options = options;
  }

  /** A neighbour asks for a group, perhaps again. */
  wanted(peer: Peer, wish: Wish): void {
    const { group, port, ttl } = wish;
    const isSealed = peer.connection.isPrivate === true;
    const key = `${group} ${port} ${ttl} ${isSealed}`;
    if (this.#laneOf.get(peer)?.key !== key) this.gone(peer);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      if (this.#lanes.size >= GROUPS_MAX) {
        const message = `${GROUPS_MAX} groups are sent to already`;
        peer.sendControl({ type: "group-refused", group, message });
        return;
      }
      lane = this.#open(key, wish, peer.connection.peer, isSealed);
    }
    this.#laneOf.set(peer, lane);
    if (!lane.members.has(peer)) lane.members.set(peer, { heardAt: undefined, isProven: false });
    this.#tell(peer, lane);
  }

  /** A neighbour heard a probe. */
  heard(peer: Peer, number: number): void {
    const lane = this.#laneOf.get(peer);
    const member = lane?.members.get(peer);
    if (lane === undefined || member === undefined) return;
    const age = lane.probes - number;
    const sentAt = lane.probedAt[number % PROBES];
    // Not one of ours, or from long ago.
    if (age < 0 || age >= PROBES || sentAt === undefined) return;
    member.heardAt = Math.max(member.heardAt ?? sentAt, sentAt);
    if (member.isProven) return;
    member.isProven = true;
    this.#options.log.info("A group reaches a neighbour, which is served by it now.", {
      ...aboutOf(lane),
      peer: peer.remote?.name,
    });
    this.#options.onServed(peer, undefined);
  }

  /** How a neighbour is served a channel by its group; undefined: it is not. */
  wayOf(peer: Peer, channel: number): GroupWay | undefined {
    const lane = this.#laneOf.get(peer);
    if (lane?.output === undefined || lane.members.get(peer)?.isProven !== true) return undefined;
    let bundle = lane.bundles.get(channel);
    if (bundle === undefined) {
      bundle = new GroupBundle(lane.output);
      lane.bundles.set(channel, bundle);
    }
    const { group, port, ttl } = lane.wish;
    const transport = { name: "multicast", parameters: { group, port, ttl } };
    return { place: new GroupPlace(bundle), transport };
  }

  /** A neighbour's connection has ended, or it wants another group. Its subscriptions are served otherwise before. */
  gone(peer: Peer): void {
    const lane = this.#laneOf.get(peer);
    if (lane === undefined) return;
    this.#doubt(peer, lane);
    this.#laneOf.delete(peer);
    lane.members.delete(peer);
    if (lane.members.size === 0) this.#close(lane);
  }

  /** Probes, and judges by the answers. Every 10 ms or so. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const lane of this.#lanes.values()) {
      if (lane.output === undefined) continue;
      if (lane.output.isSpent) {
        // Whoever hears no more probes asks again.
        this.#abandon(lane);
        continue;
      }
      for (const [peer, { heardAt, isProven }] of lane.members) {
        if (isProven && now - (heardAt ?? now) > PROOF_MS) this.#doubt(peer, lane);
      }
      const probedAt = lane.probedAt[lane.probes % PROBES] ?? Number.NEGATIVE_INFINITY;
      if (now - probedAt >= PROBE_MS) this.#probe(lane, lane.output, now);
    }
  }

  close(): void {
    for (const lane of this.#lanes.values()) this.#close(lane);
    this.#laneOf.clear();
  }

  #open(key: string, wish: Wish, towards: string, isSealed: boolean): Lane {
    const { log, means } = this.#options;
    const lane: Lane = {
      wish,
      key,
      output: undefined,
      members: new Map(),
      bundles: new Map(),
      probes: 0,
      probedAt: [],
    };
    this.#lanes.set(key, lane);
    const { group, port, ttl } = wish;
    means.openOutput({ group, port, ttl, towards, isSealed }).then(
      (output) => {
        if (this.#lanes.get(key) !== lane) {
          output.close();
          return;
        }
        lane.output = output;
        for (const peer of lane.members.keys()) this.#tell(peer, lane);
      },
      (error: unknown) => {
        const message = messageOf(error);
        log.warn("Nothing can be sent to a group that a neighbour asks for.", {
          ...aboutOf(lane),
          error: message,
        });
        for (const peer of lane.members.keys()) {
          peer.sendControl({ type: "group-refused", group, message: message.slice(0, 2_000) });
        }
        if (this.#lanes.get(key) === lane) this.#abandon(lane);
      },
    );
    return lane;
  }

  #tell(peer: Peer, { output, wish }: Lane): void {
    if (output === undefined) return;
    const { group, port } = wish;
    const { from, salt } = output;
    peer.sendControl({ type: "group", group, port, from, salt: salt ? encodeHex(salt) : "" });
  }

  #probe(lane: Lane, output: GroupOutput, now: number): void {
    lane.probes = (lane.probes + 1) >>> 0;
    lane.probedAt[lane.probes % PROBES] = now;
    const payload = encodeControl({ type: "group-probe", number: lane.probes });
    const header = { kind: KIND.control, flags: 0, channel: 0, source: 0, sourceGeneration: 0 };
    const sequence = this.#sequence++ >>> 0;
    output.send(encodePacket({ ...header, medium: MEDIUM.control, sequence }, payload));
  }

  /** It is not known any more whether the group reaches a neighbour. */
  #doubt(peer: Peer, lane: Lane): void {
    const member = lane.members.get(peer);
    if (member?.isProven !== true) return;
    member.isProven = false;
    this.#options.log.info("A group does not reach a neighbour any more.", {
      ...aboutOf(lane),
      peer: peer.remote?.name,
    });
    this.#options.onServed(peer, member.heardAt ?? Number.NEGATIVE_INFINITY);
  }

  #abandon(lane: Lane): void {
    for (const peer of [...lane.members.keys()]) {
      this.#doubt(peer, lane);
      this.#laneOf.delete(peer);
    }
    lane.members.clear();
    this.#close(lane);
  }

  #close(lane: Lane): void {
    if (this.#lanes.get(lane.key) === lane) this.#lanes.delete(lane.key);
    lane.output?.close();
  }
}

function aboutOf({ wish: { group, port } }: Lane): {
  readonly group: string;
  readonly port: number;
} {
  return { group, port };
}
