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
import type { GroupDelivery } from "../egress/outlet.ts";
import { GroupBundle, GroupBundleMember } from "./group-bundle.ts";
import type { GroupOutput, GroupSockets } from "./group-sockets.ts";

/** How often a group is probed, and how long a member may leave probes unanswered, ms. */
const PROBE_MS = 200;
const PROOF_MS = 700;
/** Number of last probes whose answers are accepted. */
const PROBES = 8;
/** Groups that a site sends to at once. */
const GROUPS_MAX = 64;

type GroupRequest = Extract<ControlMessage, { type: "group-wanted" }>;

/** One group that neighbours requested. */
interface ProbedGroup {
  readonly request: GroupRequest;
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
  /** When the newest probe that it answered was sent, ms; undefined: it answered none. */
  heardAt: number | undefined;
  isProven: boolean;
}

export interface GroupSendingOptions {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly sockets: GroupSockets;
  /**
   * A neighbour is served by a group from now on, or by its own connection again: then packets sent since `since` (ms)
   * may not have arrived.
   */
  onServed(peer: Peer, since: number | undefined): void;
}

/** The sending half of links by a group: probes it, and serves by it the neighbours that answer. [W29] */
export class GroupSending {
  readonly #options: GroupSendingOptions;
  readonly #groups = new Map<string, ProbedGroup>();
  readonly #groupOf = new Map<Peer, ProbedGroup>();
  #sequence = 0;

  constructor(options: GroupSendingOptions) {
    this.#options = options;
  }

  /** A neighbour requests a group, perhaps again. */
  wanted(peer: Peer, request: GroupRequest): void {
    const { group, port, ttl } = request;
    const isSealed = peer.connection.isPrivate === true;
    const key = `${group} ${port} ${ttl} ${isSealed}`;
    if (this.#groupOf.get(peer)?.key !== key) this.gone(peer);
    let probed = this.#groups.get(key);
    if (probed === undefined) {
      if (this.#groups.size >= GROUPS_MAX) {
        const message = `the site already sends to ${GROUPS_MAX} groups`;
        peer.sendControl({ type: "group-refused", group, message });
        return;
      }
      probed = this.#open(key, request, peer.connection.peer, isSealed);
    }
    this.#groupOf.set(peer, probed);
    if (!probed.members.has(peer))
      probed.members.set(peer, { heardAt: undefined, isProven: false });
    this.#tell(peer, probed);
  }

  /** A neighbour answered a probe. */
  heard(peer: Peer, number: number): void {
    const probed = this.#groupOf.get(peer);
    const member = probed?.members.get(peer);
    if (probed === undefined || member === undefined) return;
    const age = probed.probes - number;
    const sentAt = probed.probedAt[number % PROBES];
    // Not one of the last probes.
    if (age < 0 || age >= PROBES || sentAt === undefined) return;
    member.heardAt = Math.max(member.heardAt ?? sentAt, sentAt);
    if (member.isProven) return;
    member.isProven = true;
    this.#options.log.info("A group reaches a neighbour, which is served by it now.", {
      ...aboutOf(probed),
      peer: peer.remote?.name,
    });
    this.#options.onServed(peer, undefined);
  }

  /** How a neighbour is served a channel by its group; undefined: it is not. */
  deliveryOf(peer: Peer, channel: number): GroupDelivery | undefined {
    const probed = this.#groupOf.get(peer);
    if (probed?.output === undefined || probed.members.get(peer)?.isProven !== true)
      return undefined;
    let bundle = probed.bundles.get(channel);
    if (bundle === undefined) {
      bundle = new GroupBundle(probed.output);
      probed.bundles.set(channel, bundle);
    }
    const { group, port, ttl } = probed.request;
    const transport = { name: "multicast", parameters: { group, port, ttl } };
    return { member: new GroupBundleMember(bundle), transport };
  }

  /**
   * A neighbour's connection has ended, or it requests another group. Its subscriptions are served by its connection
   * first.
   */
  gone(peer: Peer): void {
    const probed = this.#groupOf.get(peer);
    if (probed === undefined) return;
    this.#doubt(peer, probed);
    this.#groupOf.delete(peer);
    probed.members.delete(peer);
    if (probed.members.size === 0) this.#close(probed);
  }

  /** Probes groups, and removes members that do not answer. Every 10 ms or so. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const probed of this.#groups.values()) {
      if (probed.output === undefined) continue;
      if (probed.output.isSpent) {
        // Members that receive no more probes request it again.
        this.#abandon(probed);
        continue;
      }
      for (const [peer, { heardAt, isProven }] of probed.members) {
        if (isProven && now - (heardAt ?? now) > PROOF_MS) this.#doubt(peer, probed);
      }
      const probedAt = probed.probedAt[probed.probes % PROBES] ?? Number.NEGATIVE_INFINITY;
      if (now - probedAt >= PROBE_MS) this.#probe(probed, probed.output, now);
    }
  }

  /** Ends all groups: their members request them again. */
  renew(): void {
    for (const probed of [...this.#groups.values()]) this.#abandon(probed);
  }

  close(): void {
    for (const probed of this.#groups.values()) this.#close(probed);
    this.#groupOf.clear();
  }

  #open(key: string, request: GroupRequest, towards: string, isSealed: boolean): ProbedGroup {
    const { log, sockets } = this.#options;
    const probed: ProbedGroup = {
      request,
      key,
      output: undefined,
      members: new Map(),
      bundles: new Map(),
      probes: 0,
      probedAt: [],
    };
    this.#groups.set(key, probed);
    const { group, port, ttl } = request;
    sockets.openOutput({ group, port, ttl, towards, isSealed }).then(
      (output) => {
        if (this.#groups.get(key) !== probed) {
          output.close();
          return;
        }
        probed.output = output;
        for (const peer of probed.members.keys()) this.#tell(peer, probed);
      },
      (error: unknown) => {
        const message = messageOf(error);
        log.warn("A site cannot send to the group that a neighbour requests.", {
          ...aboutOf(probed),
          error: message,
        });
        for (const peer of probed.members.keys()) {
          peer.sendControl({ type: "group-refused", group, message: message.slice(0, 2_000) });
        }
        if (this.#groups.get(key) === probed) this.#abandon(probed);
      },
    );
    return probed;
  }

  #tell(peer: Peer, { output, request }: ProbedGroup): void {
    if (output === undefined) return;
    const { group, port } = request;
    const { from, salt } = output;
    peer.sendControl({ type: "group", group, port, from, salt: salt ? encodeHex(salt) : "" });
  }

  #probe(probed: ProbedGroup, output: GroupOutput, now: number): void {
    probed.probes = (probed.probes + 1) >>> 0;
    probed.probedAt[probed.probes % PROBES] = now;
    const payload = encodeControl({ type: "group-probe", number: probed.probes });
    const header = { kind: KIND.control, flags: 0, channel: 0, source: 0, sourceGeneration: 0 };
    const sequence = this.#sequence++ >>> 0;
    output.send(encodePacket({ ...header, medium: MEDIUM.control, sequence }, payload));
  }

  /** The group may not reach a neighbour any more: it is served by its own connection. */
  #doubt(peer: Peer, probed: ProbedGroup): void {
    const member = probed.members.get(peer);
    if (member?.isProven !== true) return;
    member.isProven = false;
    this.#options.log.info("A group does not reach a neighbour any more.", {
      ...aboutOf(probed),
      peer: peer.remote?.name,
    });
    this.#options.onServed(peer, member.heardAt ?? Number.NEGATIVE_INFINITY);
  }

  #abandon(probed: ProbedGroup): void {
    for (const peer of [...probed.members.keys()]) {
      this.#doubt(peer, probed);
      this.#groupOf.delete(peer);
    }
    probed.members.clear();
    this.#close(probed);
  }

  #close(probed: ProbedGroup): void {
    if (this.#groups.get(probed.key) === probed) this.#groups.delete(probed.key);
    probed.output?.close();
  }
}

function aboutOf({ request: { group, port } }: ProbedGroup): {
  readonly group: string;
  readonly port: number;
} {
  return { group, port };
}
