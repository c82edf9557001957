import { type Clock, LIMITS, MeanderError } from "../base/index.ts";

/** What another site may do here, once. */
export interface Permit {
  readonly permit: string;
  readonly site: string;
  readonly stream: string;
  readonly action: string;
}

/** [A34] What the leader lets other sites do at this site: each once, and soon. */
export class Permits {
  readonly #clock: Clock;
  /** By permit; the oldest first. */
  readonly #open = new Map<string, Permit & { readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The leader permits something. Over the limit the oldest is forgotten. */
  add(permit: Permit): void {
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= LIMITS.permitsMax) this.#open.delete(oldest);
    this.#open.set(permit.permit, { ...permit, until: this.#clock.now() + LIMITS.permitMs });
  }

  /** Uses a permit. @throws {MeanderError} `principal-refused` */
  use({ permit, site, stream, action }: Permit): void {
    const open = this.#open.get(permit);
    this.#open.delete(permit);
    const isFor = open?.site === site && open.stream === stream && open.action === action;
    if (isFor && this.#clock.now() <= open.until) return;
    throw new MeanderError("principal-refused", "the leader has not permitted it", {
      where: `${action} of stream ${stream} for site ${site}`,
      expected: "a permit of the leader, not used yet",
      next: "ask again",
    });
  }
}
