import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { Asker } from "./asker.ts";
import { type ControlContext, memberOf } from "./control-context.ts";
import type { EvacuateSite, MoveStream } from "./stream-requests.ts";

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
  readonly #by: Asker;
  /** Streams on their way to each site, for which the index still has them where they were. */
  readonly #coming = new Map<string, number>();

  /** @param move moves one stream, in turn with its other control requests */
  constructor(
    context: ControlContext,
    { site, by }: EvacuateSite,
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
   * @throws {MeanderError} `site-unknown`, `denied`
   */
  async run(): Promise<EvacuationResult> {
    memberOf(this.#context.roster, this.#site);
    this.#authorise();
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

  /** A site may have its own streams moved, when it leaves; others administer the session. */
  #authorise(): void {
    const { administers, text } = this.#by;
    if (administers || text === `site:${this.#site}`) return;
    throw new MeanderError("denied", `${text} may not evacuate site ${this.#site}`, {
      where: `site ${this.#site}`,
      expected: "the site itself, or one that administers the session",
    });
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
      const asked = { deadlineMs: LIMITS.moveMsDefault, by: this.#by, evacuates: true };
      try {
        await this.#move({ stream, to, ...asked });
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
