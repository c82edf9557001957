import { LIMITS, MeanderError } from "../base/index.ts";
import type { OutputPorts } from "../client/contract/index.ts";
import { isLoopback } from "../transport/index.ts";
import type { Grant } from "./access/grant.ts";
import type { HandedInput } from "./operations/handover.ts";
import type { IngestTrack } from "./plane-control.ts";

/** Ports, both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Reads `30000-40000`.
 *
 * @param where names the setting in errors
 * @throws {MeanderError} `config-invalid`
 */
export function parsePortRange(text: string, where = "rtpPorts"): PortRange {
  const [, from = Number.NaN, to = Number.NaN] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(
    Number,
  );
  // One pair at least: RTP on an even port, RTCP behind it.
  if (from > PRIVILEGED_MAX && to <= 65_535 && to - (from + (from % 2)) >= 1) return { from, to };
  throw new MeanderError("config-invalid", `got ${JSON.stringify(text.slice(0, 40))}`, {
    where,
    expected: `two ports from ${PRIVILEGED_MAX + 1} to 65535 with an even one and its successor, such as 30000-40000`,
  });
}

/** What {@link InputRights} goes by. */
export interface InputRightsOptions {
  /** Ports on which publishers may be received; undefined: from `LIMITS.rtpPortMin` up. */
  readonly ports: PortRange | undefined;
  /** Ports that the site itself uses. */
  readonly ownPorts: readonly number[];
}

/** Ports that only the system's administrator gives out. */
const PRIVILEGED_MAX = 1_023;

/**
 * What publishers may make a site do: receive on which ports, join how many groups, end which inputs. Where no token is
 * required, or with one that allows `administer`, only the site's own and privileged ports are refused. [A25]
 */
export class InputRights {
  readonly #options: InputRightsOptions;

  constructor(options: InputRightsOptions) {
    this.#options = options;
  }

  /** @throws {MeanderError} `port-refused` */
  checkPorts(tracks: readonly Pick<IngestTrack, "port">[], grant: Grant | undefined): void {
    const { ownPorts: own } = this.#options;
    const { ports = { from: LIMITS.rtpPortMin, to: 65_535 } } = this.#options;
    const { from, to } = isBound(grant) ? ports : { from: PRIVILEGED_MAX + 1, to: 65_535 };
    for (const { port } of tracks) {
      if (port === 0) continue;
      // RTCP is received on the port after it.
      const isOwn = own.includes(port) || own.includes(port + 1);
      if (!isOwn && port >= from && port + 1 <= to) continue;
      throw new MeanderError(
        "port-refused",
        isOwn ? "the site itself uses that port" : "publishers are not received on that port",
        {
          where: `port ${port}`,
          expected: `a port from ${from} to ${to - 1}, and the one after it for RTCP`,
          next: "choose one of those, use ports=assign, or start the site with another --rtp-ports",
        },
      );
    }
  }

  /** Checks that an output does not feed the site's own ports. @throws {MeanderError} `port-refused` */
  checkOutput(host: string, ports: OutputPorts): void {
    const own = this.#options.ownPorts;
    const port = [ports.video, ports.audio].find(
      (each) => each !== undefined && (own.includes(each) || own.includes(each + 1)),
    );
    if (port === undefined || !(isLoopback(host) || UNSPECIFIED.includes(host))) return;
    throw new MeanderError("port-refused", "the site itself uses that port", {
      where: `port ${port}`,
      expected: "a port on which a receiver listens",
    });
  }

  /**
   * Checks how much a publisher has open at this site.
   *
   * @param open all inputs
   * @throws {MeanderError} `inputs-exhausted`
   */
  checkQuota(
    open: Iterable<HandedInput>,
    tracks: readonly Pick<IngestTrack, "group">[],
    grant: Grant | undefined,
  ): void {
    if (!isBound(grant)) return;
    const own = [...open].filter(({ request }) => request.grant?.name === grant.name);
    if (own.length >= LIMITS.publisherInputsMax)
      throw exhausted(grant, "inputs", LIMITS.publisherInputsMax);
    const groupsOf = (each: readonly Pick<IngestTrack, "group">[]): number =>
      each.filter(({ group }) => group !== undefined).length;
    const joined = own.reduce((sum, input) => sum + groupsOf(input.tracks), 0);
    const wanted = groupsOf(tracks);
    if (wanted > 0 && joined + wanted > LIMITS.publisherGroupsMax)
      throw exhausted(grant, "groups", LIMITS.publisherGroupsMax);
  }

  /**
   * Checks whether an input may be ended: by whom it was opened, and by who administers.
   *
   * @throws {MeanderError} `input-foreign`
   */
  checkOwner({ request }: HandedInput, grant: Grant | undefined): void {
    if (!isBound(grant) || request.grant?.name === grant.name) return;
    const { channel, input } = request;
    throw new MeanderError("input-foreign", "another publisher has opened that input", {
      where: `input ${input} of channel ${channel}`,
      expected: "the token of the one who opened it, or one that allows administer",
      next: "open an input of another name",
    });
  }
}

/** What is sent there stays on this machine, too. */
const UNSPECIFIED: readonly string[] = ["0.0.0.0", "::"];

/** Whether a client has bounds: it showed a token, and that is not an administrator's. */
function isBound(grant: Grant | undefined): grant is Grant {
  return grant !== undefined && !grant.can.includes("administer");
}

function exhausted({ name }: Grant, what: string, most: number): MeanderError {
  return new MeanderError("inputs-exhausted", `${name} has its ${most} ${what} at this site`, {
    expected: `at most ${most} ${what} of one publisher`,
    next: "close one that is no longer used",
  });
}
