import { type Log, MeanderError, messageOf } from "../base/index.ts";
import type { HostedStreams } from "./hosted-streams.ts";
import type { StreamTable } from "./stream-table.ts";

/** What became of the streams of a site that was halted. */
export interface Resumption {
  /** Streams that go on. */
  readonly resumed: readonly string[];
  /** Streams that stay halted, and why. */
  readonly failed: readonly { readonly stream: string; readonly error: string }[];
}

/** What a {@link SiteHalt} uses. */
export interface SiteHaltPorts {
  /** The name of this site. */
  readonly site: string;
  readonly log: Log;
  readonly streams: Pick<HostedStreams, "held" | "resume">;
  readonly table: Pick<StreamTable, "byId">;
}

/**
 * A site whose streams are halted as a whole, because something that they run may be what ends it: those that it had
 * are here and run nothing, and no other comes (docs/spec/streams.md [M15]).
 */
export class SiteHalt {
  readonly #ports: SiteHaltPorts;
  #why: string | undefined;

  /** @param why in a few words; undefined: it is not halted */
  constructor(ports: SiteHaltPorts, why: string | undefined) {
    this.#ports = ports;
    this.#why = why;
  }

  /** Why it is halted; undefined: it is not. */
  get why(): string | undefined {
    return this.#why;
  }

  /** @throws {MeanderError} `streams-halted`, when it is */
  check(): void {
    if (this.#why !== undefined) throw streamsHalted(this.#ports.site, this.#why);
  }

  /** Has all streams go on, those of an unstartable agent excepted. */
  async resume(): Promise<Resumption> {
    const { streams, table, log } = this.#ports;
    this.#why = undefined;
    const resumed: string[] = [];
    const failed: { stream: string; error: string }[] = [];
    for (const id of streams.held) {
      const stream = table.byId(id)?.name ?? `${id}`;
      try {
        await streams.resume(id);
        resumed.push(stream);
      } catch (error) {
        failed.push({ stream, error: messageOf(error) });
        log.warn("A stream stays halted: its agents do not start.", {
          stream,
          error: messageOf(error),
        });
      }
    }
    log.info("The streams of the site go on.", { resumed: resumed.length, failed: failed.length });
    return { resumed, failed };
  }
}

/** What is asked of streams that run nothing. */
export function streamsHalted(site: string, why: string): MeanderError {
  return new MeanderError("streams-halted", `the streams of the site are halted: ${why}`, {
    where: `site ${site}`,
    next: "`meander stream resume` has them go on",
  });
}
