import { type Counters, MeanderError } from "../base/index.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Frame } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import { type EndpointId, isStream, type SiteInstance } from "./model.ts";
import { Resident } from "./resident.ts";
import type { SiteEndpoint } from "./site-endpoint.ts";

/** What {@link IncomingFrames} use of their kernel. */
export interface IncomingFramesPorts {
  readonly context: KernelContext;
  readonly counts: Counters;
  readonly site: SiteEndpoint;
  /** An endpoint at this site. */
  endpoint(id: EndpointId): Endpoint | undefined;
  /** A stream has a later location than is known. */
  moved(frame: Extract<Frame, { type: "moved" }>): void;
}

/**
 * Hands the frames of other sites to the endpoints that they are for, and answers those whose target is not here ([M9],
 * [M29]).
 */
export class IncomingFrames {
  readonly #ports: IncomingFramesPorts;

  constructor(ports: IncomingFramesPorts) {
    this.#ports = ports;
  }

  receive(from: SiteInstance, frame: Frame): void {
    const { endpoint, moved } = this.#ports;
    switch (frame.type) {
      case "append":
        this.#append(from, frame);
        return;
      case "ack":
        endpoint(frame.source)?.acknowledged(frame);
        return;
      case "moved":
        moved(frame);
        return;
      case "refused":
        this.#refused(frame);
        return;
      case "resync":
        this.#resync(from, frame);
        return;
      case "resynced":
        this.#resynced(frame);
        return;
    }
  }

  #append(from: SiteInstance, frame: Extract<Frame, { type: "append" }>): void {
    const { context, counts, site, endpoint } = this.#ports;
    if (!isStream(frame.source)) context.locations.setOther(frame.source, from);
    const { target } = frame;
    if (target === site.id) {
      site.arrived(from, frame);
      return;
    }
    const owner = endpoint(Math.abs(target));
    if (owner === undefined || frame.targetEpoch < owner.streamEpoch) {
      this.#elsewhere(from, frame);
      return;
    }
    if (frame.targetEpoch > owner.streamEpoch) {
      counts.add("ahead-of-us");
      return;
    }
    if (target < 0) owner.replyArrived(from, frame);
    else if (owner instanceof Resident) owner.arrived(from, frame);
    else counts.add("no-mailbox");
  }

  #resync(from: SiteInstance, frame: Extract<Frame, { type: "resync" }>): void {
    const { context, endpoint } = this.#ports;
    const { source, sourceEpoch, target } = frame;
    const owner = endpoint(Math.abs(target));
    if (owner === undefined || frame.targetEpoch < owner.streamEpoch) {
      this.#elsewhere(from, frame);
      return;
    }
    const received =
      target < 0
        ? owner.resyncReplies(from, frame)
        : owner instanceof Resident
          ? owner.resync(from, source, sourceEpoch)
          : 0;
    if (received === undefined) return;
    const targetEpoch = owner.streamEpoch;
    context.send(from, { type: "resynced", source, sourceEpoch, target, targetEpoch, received });
  }

  #resynced(frame: Extract<Frame, { type: "resynced" }>): void {
    const { context, counts, endpoint } = this.#ports;
    const source = endpoint(frame.source);
    const epoch = context.locations.get(frame.target)?.streamEpoch ?? 0;
    if (source?.streamEpoch !== frame.sourceEpoch || frame.targetEpoch < epoch)
      counts.add("stale-resync");
    else source.resynced(frame.target, frame.received);
  }

  /** The target of a frame is not at this site. */
  #elsewhere(
    from: SiteInstance,
    frame: {
      readonly source: EndpointId;
      readonly target: EndpointId;
      readonly targetEpoch: number;
    },
  ): void {
    const { context, counts } = this.#ports;
    const { source, target } = frame;
    const id = Math.abs(target);
    if (!isStream(id)) {
      counts.add("endpoint-gone");
      const code = "endpoint-gone";
      const message = "the recipient no longer exists";
      context.send(from, { type: "refused", source, target, targetEpoch: 0, code, message });
      return;
    }
    const location = context.locations.stream(id);
    if (location === undefined || location.streamEpoch <= frame.targetEpoch) {
      // It is about to arrive here, or is unknown: the sender will retry.
      counts.add("not-here");
      return;
    }
    counts.add("moved");
    const { siteInstance, streamEpoch: targetEpoch } = location;
    context.send(from, { type: "moved", source, target, targetEpoch, siteInstance });
  }

  #refused(frame: Extract<Frame, { type: "refused" }>): void {
    const { context, counts, endpoint } = this.#ports;
    const { source, target, targetEpoch, code, message } = frame;
    // [M9] An earlier location of the target no longer counts.
    if (targetEpoch < (context.locations.get(target)?.streamEpoch ?? 0)) {
      counts.add("stale-refusal");
      return;
    }
    // Messages that were given up are counted by code: only by known ones, because the code comes from outside.
    const known = code === "append-denied" || code === "endpoint-gone" ? code : "append-refused";
    const name = context.locations.stream(Math.abs(target))?.name ?? `${Math.abs(target)}`;
    const error = new MeanderError(known, message, { where: `stream ${name}` });
    endpoint(source)?.refused(target, error);
  }
}
