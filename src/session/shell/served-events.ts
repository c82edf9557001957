import { z } from "zod";
import type { EventFilter, StreamEvent } from "../../agent/define/index.ts";
import { LIMITS, messageOf } from "../../base/index.ts";
import { EventBuffer } from "./event-buffer.ts";
import type { ShellFault } from "./messages.ts";
import { streamEvent } from "./port-schemas.ts";
import type { ServedPorts } from "./served-calls.ts";

/** Characters of one message of events, about: with one event more it fits. */
const BATCH_CHARACTERS = 256 * 1024;
/** A longer event is dropped and counted as missed. */
const EVENT_CHARACTERS_MAX = 256 * 1024;

interface Subscription {
  readonly id: number;
  readonly buffer: EventBuffer;
  readonly undo: () => void;
  /** A message of events is on its way, or about to be made. */
  isBusy: boolean;
}

/**
 * [S2] The events that a shell reads: at most one message for each reader is unacknowledged; later events wait in a
 * bounded buffer.
 */
export class ServedEvents {
  readonly #ports: ServedPorts;
  readonly #subscriptions = new Map<number, Subscription>();

  constructor(ports: ServedPorts) {
    this.#ports = ports;
  }

  subscribe(id: number, filter: EventFilter): ShellFault | undefined {
    if (this.#subscriptions.has(id)) return "number";
    if (this.#subscriptions.size >= LIMITS.shellSubscriptionsMax) return "subscriptions";
    const { port } = this.#ports;
    const buffer = new EventBuffer({ site: port.site, stream: filter.stream });
    const subscription = { id, buffer, undo: (): void => {}, isBusy: false };
    this.#subscriptions.set(id, subscription);
    try {
      subscription.undo = port.onEvent(filter, (event) => {
        buffer.push(event);
        this.#wake(subscription);
      });
    } catch (error) {
      // The port has just closed, which it reports itself.
      this.#ports.log.debug("A shell cannot read events.", { error: messageOf(error) });
    }
    return undefined;
  }

  unsubscribe(id: number): void {
    this.#subscriptions.get(id)?.undo();
    this.#subscriptions.delete(id);
  }

  /** The shell has read a message of events. */
  received(id: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    subscription.isBusy = false;
    if (!subscription.buffer.isEmpty) this.#wake(subscription);
  }

  end(): void {
    for (const { undo } of this.#subscriptions.values()) undo();
    this.#subscriptions.clear();
  }

  /** Events of one moment are sent together. */
  #wake(subscription: Subscription): void {
    if (subscription.isBusy) return;
    subscription.isBusy = true;
    queueMicrotask(() => this.#tell(subscription));
  }

  #tell({ id, buffer }: Subscription): void {
    if (!this.#subscriptions.has(id)) return;
    const events: unknown[] = [];
    let characters = 0;
    while (events.length < LIMITS.shellEventBatchMax && characters < BATCH_CHARACTERS) {
      const event = buffer.shift();
      if (event === undefined) break;
      const encoded = encode(event);
      if (encoded === undefined) buffer.miss(event);
      else {
        events.push(encoded.json);
        characters += encoded.characters;
      }
    }
    this.#ports.send({ type: "events", subscription: id, events });
  }
}

function encode(event: StreamEvent): { json: unknown; characters: number } | undefined {
  const encoded = z.safeEncode(streamEvent, event);
  if (!encoded.success) return undefined;
  const characters = JSON.stringify(encoded.data).length;
  return characters > EVENT_CHARACTERS_MAX ? undefined : { json: encoded.data, characters };
}
