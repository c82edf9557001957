import { assert, type Random, serialAdd } from "../../base/index.ts";
import {
  encodeRtcp,
  encodeRtp,
  msToNtp,
  type Packetizer,
  packetizerFor,
} from "../../wire/index.ts";

/** Bytes of one RTP packet: fits a path of 1500 bytes with room for tunnels, as in WebRTC. */
const PACKET_BYTES_MAX = 1_200;
const RTP_HEADER_BYTES = 12;

/** One outgoing RTP source: numbers, timestamps, reports. */
export class RtpSender {
  readonly ssrc: number;
  readonly #payloadType: number;
  readonly #clockRate: number;
  readonly #packetizer: Packetizer;
  readonly #timestampBase: number;
  #sequence: number;
  #packetCount = 0;
  #octetCount = 0;

  /** SSRC, first sequence number and first timestamp are random (RFC 3550 §5.1). */
  constructor(
    track: {
      readonly codec: string;
      readonly clockRate: number;
      readonly payloadType: number;
    },
    random: Random,
  ) {
    const maxPayloadBytes = PACKET_BYTES_MAX - RTP_HEADER_BYTES;
    const packetizer = packetizerFor(track.codec, { maxPayloadBytes });
    assert(packetizer !== undefined, "a clip's codec has a packetizer");
    this.#packetizer = packetizer;
    this.#payloadType = track.payloadType;
    this.#clockRate = track.clockRate;
    this.ssrc = random.uint32();
    this.#timestampBase = random.uint32();
    this.#sequence = random.uint32() & 0xffff;
  }

  /** The RTP packets of one frame. `presentation` in seconds since the start. */
  packetsOf(frame: {
    readonly bytes: Uint8Array;
    readonly key: boolean;
    readonly presentation: number;
  }): Uint8Array[] {
    const timestamp = this.#timestampAt(frame.presentation);
    const payloads = this.#packetizer.packetize(frame);
    return payloads.map((payload, index) => {
      const packet = encodeRtp({
        marker: this.#packetizer.marksEnd && index === payloads.length - 1,
        payloadType: this.#payloadType,
        sequence: this.#sequence,
        timestamp,
        ssrc: this.ssrc,
        csrcs: [],
        extensions: [],
        payload,
      });
      this.#sequence = serialAdd(this.#sequence, 1, 16);
      this.#packetCount++;
      this.#octetCount += payload.byteLength;
      return packet;
    });
  }

  /**
   * A sender report with the sender's name, followed by a goodbye on request (RFC 3550 §6.1).
   *
   * @param at.seconds since the start, like presentation times
   * @param at.wallMs the same instant since 1970
   */
  report(
    at: { readonly seconds: number; readonly wallMs: number },
    cname: string,
    goodbye?: string,
  ): Uint8Array {
    const { ssrc } = this;
    const { seconds: ntpSeconds, fraction: ntpFraction } = msToNtp(at.wallMs);
    return encodeRtcp([
      {
        type: "sender-report",
        ssrc,
        ntpSeconds,
        ntpFraction,
        rtpTimestamp: this.#timestampAt(at.seconds),
        packetCount: this.#packetCount >>> 0,
        octetCount: this.#octetCount % 0x1_0000_0000,
        reports: [],
      },
      { type: "source-description", ssrc, cname },
      ...(goodbye === undefined ? [] : [{ type: "bye", ssrcs: [ssrc], reason: goodbye } as const]),
    ]);
  }

  #timestampAt(seconds: number): number {
    return serialAdd(
      this.#timestampBase,
      Math.round(seconds * this.#clockRate) % 0x1_0000_0000,
      32,
    );
  }
}
