import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import { type ControlContext, memberOf } from "./control-context.ts";
import type { MoveStream } from "./stream-requests.ts";

/** What became of the streams of a site. */
export interface EvacuationResult {
  readonly moved: number;
  readonly failed: readonly { readonly stream: string; readonly error: string }[];
}

/** Streams that move at once. */
const SIDE_BY_SIDE = 8;

/** Moves all streams of a site to the other sites. */
export class Evacuation {
  readonly #context: ControlContext;
  readonly #move: (request: MoveStream) => Promise<unknown>;
  readonly #site: string;
  readonly #by: string;
  /** Streams on their way to each site, for which the index still has them where they were. */
  readonly #coming = new Map<string, number>();

  /** @param move moves one stream, in turn with its other control requests */
  constructor(
    context: ControlContext,
    { site, by }: { readonly site: string; readonly by: string },
    move: (request: MoveStream) => Promise<unknown>,
  ) {
    this.#context = context;
    this.#site = site;
    this.#by = by;
    this.#move = move;
  }

  /**
   * Settles when each stream has moved, or no site could take it. Those that come meanwhile move on.
   *
   * @throws {MeanderError} `site-unknown`
   */
  async run(): Promise<EvacuationResult> {
    memberOf(this.#context.roster, this.#site);
    const failed: { stream: string; error: string }[] = [];
    const tried = new Set<string>();
    let moved = 0;
    for (let names = this.#untried(tried); names.length > 0; names = this.#untried(tried)) {
      const worker = async (): Promise<void> => {
        for (let name = names.shift(); name !== undefined; name = names.shift()) {
          tried.add(name);
          const error = await this.#evacuate(name);
          if (error === undefined) moved++;
          else failed.push({ stream: name, error });
        }
      };
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    }
    return { moved, failed };
  }

  #untried(tried: ReadonlySet<string>): string[] {
    const streams = this.#context.store.index.ofSite(this.#site);
    return streams.map(({ name }) => name).filter((name) => !tried.has(name));
  }

  /** Undefined when it moved, else why the last site did not take it. */
  async #evacuate(stream: string): Promise<string | undefined> {
    const refused = new Set<string>([this.#site]);
    let error = "there is no other site";
    for (let to = this.#leastLoaded(refused); to !== undefined; to = this.#leastLoaded(refused)) {
      refused.add(to);
      this.#coming.set(to, (this.#coming.get(to) ?? 0) + 1);
      try {
        await this.#move({ stream, to, deadlineMs: LIMITS.moveMsDefault, by: this.#by });
        return undefined;
      } catch (thrown) {
        // The stream was destroyed in the meantime.
        if (thrown instanceof MeanderError && thrown.code === "stream-unknown") return undefined;
        error = messageOf(thrown);
      } finally {
        this.#coming.set(to, (this.#coming.get(to) ?? 1) - 1);
      }
    }
    return error;
  }

  #leastLoaded(without: ReadonlySet<string>): string | undefined {
    const { roster, contact, store } = this.#context;
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const site of roster.names) {
      const member = roster.instanceOf(site);
      if (without.has(site) || member === undefined || !contact.reaches(member)) continue;
      const load = store.index.at(member).length + (this.#coming.get(site) ?? 0);
      if (load < least) [best, least] = [site, load];
    }
    return best;
  }
}
