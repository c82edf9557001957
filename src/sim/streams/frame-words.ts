import { decodeFrames, type EndpointId, isStream } from "../../stream/index.ts";
import type { TraceEntry } from "../simulation.ts";

/**
 * What a frame is, for people: its type, whom it is from and for, which messages. @param nameOf what to call an
 * endpoint; undefined: its name is unknown
 */
export function frameWords(
  bytes: Uint8Array,
  nameOf: (id: EndpointId) => string | undefined,
): TraceEntry["detail"] {
  let words: TraceEntry["detail"] = { frame: "malformed", bytes: bytes.byteLength };
  decodeFrames(bytes, (frame) => {
    const { type, source, target } = frame;
    const sender = type === "append" ? frame.sourceName : "";
    const ends = {
      frame: target < 0 ? `reply-${type}` : type,
      source: nameOf(source) ?? (sender === "" ? nameless(source) : sender),
      target: nameOf(Math.abs(target)) ?? nameless(Math.abs(target)),
    };
    switch (type) {
      case "append": {
        const { first, segments, base, targetEpoch } = frame;
        words = { ...ends, first, count: segments.length, base, epoch: targetEpoch };
        return;
      }
      case "ack": {
        const { consumed, received, credit, targetEpoch } = frame;
        words = { ...ends, consumed, received, credit, epoch: targetEpoch };
        return;
      }
      case "moved":
        words = { ...ends, site: frame.siteInstance.site, epoch: frame.targetEpoch };
        return;
      case "refused":
        words = { ...ends, code: frame.code };
        return;
      case "resync":
        words = { ...ends, epoch: frame.targetEpoch };
        return;
      case "resynced":
        words = { ...ends, received: frame.received, epoch: frame.targetEpoch };
    }
  });
  return words;
}

function nameless(id: EndpointId): string {
  return `${isStream(id) ? "stream" : "shell"} ${id}`;
}
