import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import { Endpoint } from "./endpoint.ts";
import type { Frame } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import { type EndpointId, type SiteInstance, siteEndpoint } from "./model.ts";
import { type Arrival, type PairOwner, ReceivePair } from "./receive-pair.ts";

/** Answers the requests of other sites. */
export type SiteHandler = (
  from: SiteInstance,
  kind: string,
  payload: Uint8Array,
) => Promise<Uint8Array | undefined>;

/**
 * The site itself as sender and receiver: requests between sites (install this stream, keep this record) use the
 * windows that carry messages (docs/spec/streams.md [M32]). Requests are begun in the order of their arrival, without
 * waiting for each other.
 */
export class SiteEndpoint extends Endpoint implements PairOwner {
  readonly streamEpoch = 0;
  readonly maySend = true;
  readonly room: number = LIMITS.mailboxBytesMax;
  readonly #handler: SiteHandler;
  readonly #pairs = new Map<EndpointId, ReceivePair>();
  /** The highest number of all messages to sites that no longer run. */
  #highestGone = 0;

  constructor(context: KernelContext, handler: SiteHandler) {
    super(context, siteEndpoint(context.self), context.self.site);
    this.#handler = handler;
  }

  get address(): EndpointId {
    return this.id;
  }

  /** Sends a request to another site. @throws {MeanderError} `site-gone`, and what it refuses with */
  request(to: SiteInstance, kind: string, payload: Uint8Array): Promise<Uint8Array | undefined> {
    const target = siteEndpoint(to);
    this.context.locations.setOther(target, to);
    return new Promise((resolve, reject) => {
      this.context.turn(() =>
        this.send({ target, targetName: to.site }, packValue([kind, payload]), {
          waiter: { resolve, reject },
        }),
      );
    });
  }

  arrived(from: SiteInstance, frame: Extract<Frame, { type: "append" }>): void {
    let pair = this.#pairs.get(frame.source);
    if (pair === undefined) {
      const { source, sourceName, sourceEpoch } = frame;
      const state = { source, sourceName, sourceEpoch, consumed: 0, siteInstance: from };
      pair = new ReceivePair(this.context, this, state);
      this.#pairs.set(source, pair);
    }
    pair.accept(from, frame, (arrival) => this.#received(from, arrival));
  }

  /**
   * A site that was given up and returns, for example after it was suspended, remembers the numbers: new ones must be
   * higher.
   */
  protected override get firstNumber(): number {
    return this.#highestGone + 1;
  }

  /**
   * The other sites may have given this one up: they will not answer what is unanswered now, and may have forgotten
   * what they had received.
   */
  givenUp(error: MeanderError): void {
    for (const window of this.windows.values()) {
      window.rejectWaiters(error);
      window.rerouted();
    }
  }

  override gone(target: EndpointId, error: MeanderError): void {
    const { next = 1 } = this.windowTo(target) ?? {};
    this.#highestGone = Math.max(this.#highestGone, next - 1);
    super.gone(target, error);
    this.#pairs.delete(target);
  }

  #received(from: SiteInstance, { pair, seq, payload, wantsReply }: Arrival): void {
    pair.consumedUpTo(seq);
    pair.acknowledgeUpTo(seq);
    const answer = (outcome: Uint8Array | undefined | MeanderError): void =>
      this.context.turn(() => {
        if (!wantsReply) return;
        const isError = outcome instanceof MeanderError;
        this.reply(
          pair.source,
          pair.sourceName,
          seq,
          isError
            ? { type: "failed", fault: { code: outcome.code, message: outcome.what, agent: "" } }
            : { type: "done", value: outcome },
        );
      });
    const request = readRequest(payload);
    if (request === undefined) {
      this.context.count("request-malformed");
      answer(new MeanderError("request-invalid", "not a valid request between sites"));
      return;
    }
    this.#handler(from, request.kind, request.payload).then(answer, (error: unknown) =>
      answer(
        error instanceof MeanderError
          ? error
          : new MeanderError("internal", messageOf(error), { cause: error }),
      ),
    );
  }
}

function readRequest(bytes: Uint8Array): { kind: string; payload: Uint8Array } | undefined {
  try {
    const [kind, payload] = unpackValue(bytes) as unknown[];
    if (typeof kind !== "string" || !(payload instanceof Uint8Array)) return undefined;
    return { kind, payload };
  } catch {
    return undefined;
  }
}
