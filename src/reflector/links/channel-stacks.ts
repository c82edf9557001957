import type { Neighbour } from "../events.ts";
import type { LinkSecurity } from "./link-security.ts";

/** The stacks over which channels are received, by channel and site. */
export class ChannelStacks {
  readonly #security: Pick<LinkSecurity, "stackTo">;
  /** As configured, by channel. */
  readonly #texts = new Map<string, string>();
  #neighbours = new Map<string, Neighbour>();
  /** By text, then site: looked up with many packets. */
  #complete = new Map<string, Map<string, string>>();

  constructor(security: Pick<LinkSecurity, "stackTo">) {
    this.#security = security;
  }

  /**
   * Sets the stack of a channel. @returns true when it is new or changed
   *
   * @throws {StackError} when `text` is not a stack
   */
  set(channel: string, text: string): boolean {
    this.#security.stackTo(undefined, text);
    const isNew = this.#texts.get(channel) !== text;
    this.#texts.set(channel, text);
    return isNew;
  }

  delete(channel: string): void {
    this.#texts.delete(channel);
    this.#complete = new Map();
  }

  /** The complete stack; empty when the channel is not open. */
  to(channel: string, site: string): string {
    const text = this.#texts.get(channel);
    if (text === undefined) return "";
    const known = this.#complete.get(text)?.get(site);
    if (known !== undefined) return known;
    const stack = this.#security.stackTo(this.#neighbours.get(site), text);
    const bySite = this.#complete.get(text) ?? new Map<string, string>();
    this.#complete.set(text, bySite.set(site, stack));
    return stack;
  }

  /** @param isUsed true for sites that are not listed any more and still serve: they are kept */
  setNeighbours(neighbours: readonly Neighbour[], isUsed: (site: string) => boolean): void {
    const kept = [...this.#neighbours].filter(([name]) => isUsed(name));
    const listed = neighbours.map((each) => [each.name, each] as const);
    this.#neighbours = new Map([...kept, ...listed]);
    this.#complete = new Map();
  }
}
