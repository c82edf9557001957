import { serialDistance } from "../../base/index.ts";
import { HEADER_BYTES, type Track } from "../../wire/index.ts";

/** Gain of the jitter estimate (RFC 3550 A.8). */
const JITTER_GAIN = 1 / 16;
const LATENCY_GAIN = 1 / 16;

/** Interarrival jitter (RFC 3550 A.8) and latency since the ingest of one RTP source. Reads the RTP header only. */
export class ArrivalMeter {
  jitterMs: number | undefined;
  latencyMs: number | undefined;
  readonly source: number;
  readonly generation: number;
  readonly #clockRate: number;
  #timestamp = 0;
  #arrival = -1;
  /** Ingest clock at an RTP timestamp. */
  #anchor: { readonly ingestMs: number; readonly rtpTimestamp: number } | undefined;

  constructor(track: Track) {
    this.source = track.source;
    this.generation = track.generation;
    this.#clockRate = track.clockRate;
  }

  report(ingestMs: number, rtpTimestamp: number): void {
    this.#anchor = { ingestMs, rtpTimestamp };
  }

  /** @param originOffsetMs add to `now` to get the ingest's clock; undefined: unknown */
  packet(packet: Uint8Array, now: number, originOffsetMs: number | undefined): void {
    const at = HEADER_BYTES + 4;
    const timestamp =
      (((packet[at] as number) << 24) |
        ((packet[at + 1] as number) << 16) |
        ((packet[at + 2] as number) << 8) |
        (packet[at + 3] as number)) >>>
      0;
    if (this.#arrival >= 0) {
      const mediaMs = (serialDistance(this.#timestamp, timestamp, 32) / this.#clockRate) * 1000;
      const difference = Math.abs(now - this.#arrival - mediaMs);
      // A jump of the timestamp is a restart, not jitter.
      if (difference < 10_000) {
        this.jitterMs = (this.jitterMs ?? 0) + (difference - (this.jitterMs ?? 0)) * JITTER_GAIN;
      }
    }
    this.#timestamp = timestamp;
    this.#arrival = now;
    if (this.#anchor === undefined || originOffsetMs === undefined) return;
    const { ingestMs, rtpTimestamp } = this.#anchor;
    const takenAt =
      ingestMs + (serialDistance(rtpTimestamp, timestamp, 32) / this.#clockRate) * 1000;
    const latency = now + originOffsetMs - takenAt;
    this.latencyMs =
      (this.latencyMs ?? latency) + (latency - (this.latencyMs ?? latency)) * LATENCY_GAIN;
  }
}
