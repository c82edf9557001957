import {
  decodeState,
  type EndpointId,
  type FrameHead,
  isStream,
  type Resident,
  type StreamState,
} from "../../stream/index.ts";
import { unpackValue } from "../../wire/index.ts";

/** A record as a keeper has it. */
interface Kept {
  /** Lower epochs are refused. */
  readonly fence: number;
  /** Packed; undefined: none yet. */
  readonly state: Uint8Array | undefined;
}

/** What the records of a stream have shown so far. */
interface Shown {
  /** Records that were not looked at yet. */
  readonly unread: Uint8Array[];
  /** Consumed, by source. */
  readonly consumed: Map<EndpointId, number>;
  /** The number of the next message, by receiver. */
  readonly next: Map<EndpointId, number>;
}

/** The lowest number that a source still keeps, and in which epoch it said so. */
interface Base {
  readonly sourceEpoch: number;
  readonly base: number;
}

/**
 * [I7] What a kernel tells others, held against what has really happened: a message is acknowledged only when it is over, and with durability `message` only
 * when a record has it, too; and with `message` nothing is sent before a record has it. Records are read only when a frame cannot be explained without.
 */
export class Acknowledgements {
  readonly #broken: (invariant: string, what: string, stream: string) => void;
  /** Number of the last message that is over, by target and source. */
  readonly #over = new Map<EndpointId, Map<EndpointId, number>>();
  /** By target and name of the source: a dead letter is told of by name. */
  readonly #overByName = new Map<string, number>();
  readonly #bases = new Map<EndpointId, Map<EndpointId, Base>>();
  /** Highest number that was told to be consumed, by target and source. */
  readonly #told = new Map<EndpointId, Map<EndpointId, number>>();
  readonly #records = new Map<EndpointId, Shown>();
  /** The highest epoch that a keeper has kept, by keeper and stream. */
  readonly #fences = new Map<string, number>();

  constructor(broken: (invariant: string, what: string, stream: string) => void) {
    this.#broken = broken;
  }

  /** A message is consumed. */
  consumed(target: EndpointId, source: EndpointId, seq: number): void {
    const over = mapOf(this.#over, target);
    if (seq > (over.get(source) ?? 0)) over.set(source, seq);
  }

  /** A message was skipped, or is a dead letter. @param name of the message */
  givenUp(name: string): void {
    const at = name.lastIndexOf("#");
    const key = name.slice(0, at);
    const seq = Number(name.slice(at + 1));
    if (seq > (this.#overByName.get(key) ?? 0)) this.#overByName.set(key, seq);
  }

  /**
   * The lowest number that a source in this epoch does not know to be consumed, as far as frames say. A source that has lost its numbers begins
   * behind what has arrived, which may be more than is consumed.
   */
  baseOf(source: EndpointId, target: EndpointId, sourceEpoch: number): number {
    const known = this.#bases.get(target)?.get(source);
    if (known?.sourceEpoch !== sourceEpoch) return 0;
    return Math.min(known.base, (this.#told.get(target)?.get(source) ?? 0) + 1);
  }

  /** Whether a source has said that it has given up, or knows to be consumed, all below a number. */
  isBelowBase(source: EndpointId, target: EndpointId, first: number): boolean {
    return first <= (this.#bases.get(target)?.get(source)?.base ?? 1);
  }

  /** A keeper has a record. */
  recordKept(keeper: string, stream: EndpointId, name: string, bytes: Uint8Array): void {
    const { fence, state } = readKept(bytes);
    const key = `${keeper} ${stream}`;
    const before = this.#fences.get(key) ?? 0;
    // [I4] What a takeover has asked for is refused from then on.
    if (fence < before)
      this.#broken(
        "I4",
        `${keeper} took a record of ${name} in epoch ${fence} after ${before}`,
        name,
      );
    this.#fences.set(key, fence);
    if (state !== undefined) this.#shown(stream).unread.push(state);
  }

  /** A stream is no more. */
  recordsForgotten(keeper: string, stream: EndpointId): void {
    this.#fences.delete(`${keeper} ${stream}`);
  }

  /** A site sends a frame. @param owner the stream that it comes from, if it is one */
  sent(head: FrameHead, owner: Resident | undefined): void {
    if (head.type === "append") {
      const bases = mapOf(this.#bases, head.target);
      const { sourceEpoch, base } = head;
      // A source that lost its numbers has begun with new ones: what was said of the old ones is of no matter. In each
      // of its epochs it is told again.
      const before = bases.get(head.source);
      if (before !== undefined && (base < before.base || sourceEpoch !== before.sourceEpoch))
        this.#told.get(head.target)?.delete(head.source);
      bases.set(head.source, { sourceEpoch, base });
      if (owner?.durability.type === "message") this.#sentKept(head, owner);
    } else if (owner !== undefined && head.target > 0 && isStream(head.target))
      this.#acknowledged(head, owner);
  }

  #sentKept(head: Extract<FrameHead, { type: "append" }>, { id, name }: Resident): void {
    const last = head.first + head.count - 1;
    if (head.count === 0 || this.#find(id, ({ next }) => (next.get(head.target) ?? 1) > last))
      return;
    this.#broken(
      "I7",
      `${name} sent number ${last} to ${head.target} before a record had it`,
      name,
    );
  }

  #acknowledged(head: Extract<FrameHead, { type: "ack" }>, owner: Resident): void {
    const { source, target, consumed } = head;
    const told = mapOf(this.#told, target);
    if (consumed > (told.get(source) ?? 0)) told.set(source, consumed);
    const base = this.#bases.get(target)?.get(source)?.base ?? 1;
    // What is below its base the source has told itself.
    if (consumed < base) return;
    const sourceName = owner.pairs.get(source)?.sourceName ?? `${source}`;
    const pair = `${sourceName}>${owner.name}`;
    const over = this.#over.get(target)?.get(source) ?? 0;
    if (consumed > Math.max(over, this.#overByName.get(pair) ?? 0))
      this.#broken("I7", `${pair}#${consumed} was acknowledged and is not over`, owner.name);
    if (
      owner.durability.type === "message" &&
      !this.#find(target, (shown) => (shown.consumed.get(source) ?? 0) >= consumed)
    )
      this.#broken("I7", `${pair}#${consumed} was acknowledged before a record had it`, owner.name);
  }

  /** Whether the records show it; those not read yet are read as needed, the newest first. */
  #find(stream: EndpointId, shows: (shown: Shown) => boolean): boolean {
    const shown = this.#shown(stream);
    while (!shows(shown)) {
      const state = shown.unread.pop();
      if (state === undefined) return false;
      // Older ones show nothing that this does not.
      const read = decodeState(state);
      if (read !== undefined) show(shown, read);
    }
    return true;
  }

  #shown(stream: EndpointId): Shown {
    let shown = this.#records.get(stream);
    if (shown === undefined) {
      shown = { unread: [], consumed: new Map(), next: new Map() };
      this.#records.set(stream, shown);
    }
    // The newest are enough, but for those that a lower epoch wrote late.
    if (shown.unread.length > UNREAD_MAX) shown.unread.splice(0, UNREAD_MAX / 2);
    return shown;
  }
}

const UNREAD_MAX = 64;

function show(shown: Shown, { inbound, outbound }: StreamState): void {
  for (const { source, consumed } of inbound)
    if (consumed > (shown.consumed.get(source) ?? 0)) shown.consumed.set(source, consumed);
  for (const { target, next } of outbound)
    if (next > (shown.next.get(target) ?? 1)) shown.next.set(target, next);
}

function readKept(bytes: Uint8Array): Kept {
  const [fence, state] = unpackValue(bytes) as [number, Uint8Array | null];
  return { fence, state: state ?? undefined };
}

function mapOf<V>(map: Map<EndpointId, Map<EndpointId, V>>, key: EndpointId): Map<EndpointId, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
