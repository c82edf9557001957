import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { encodeRtp, formatSdp, type SdpTrack } from "../../src/wire/index.ts";

/** What an {@link RtpSource} sends. */
export interface RtpSourceOptions {
  /** UDP ports of this machine; every packet goes to each. */
  readonly ports: readonly number[];
  readonly ssrc: number;
  /** u16, of the first packet. */
  readonly sequence?: number;
  /** u32, of the first frame. */
  readonly timestamp?: number;
  readonly payloadBytes?: number;
  /** Time from frame to frame, ms; 20 unless told. */
  readonly frameMs?: number;
}

const FRAME_MS = 20;
const PACKETS_PER_FRAME = 3;
const FRAMES_PER_KEY_FRAME = 25;
const TICKS_PER_MS = 90;
const PAYLOAD_TYPE = 96;

/** Packets per second of a source with frames of 20 ms. */
export const PACKETS_PER_SECOND = (1_000 / FRAME_MS) * PACKETS_PER_FRAME;

/** The SDP of a source, for ports to be assigned. */
export function sourceSdp(title: string): string {
  const track: SdpTrack = {
    kind: "video",
    codec: "vp8",
    payloadType: PAYLOAD_TYPE,
    clockRate: 90_000,
    port: 0,
    rtcpPort: 0,
    rtcpMux: false,
  };
  return formatSdp({ title, host: "127.0.0.1", tracks: [track] });
}

/**
 * A publisher whose every packet is known: 150 packets a second, framed as VP8 with a key frame each half second.
 */
export class RtpSource implements AsyncDisposable {
  /** Where packets go; may change while it runs. */
  ports: readonly number[];
  /** Number of packets sent. */
  count = 0;
  readonly #socket: Socket;
  readonly #options: RtpSourceOptions;
  readonly #frameMs: number;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #frames = 0;
  #leapTicks = 0;

  static async start(options: RtpSourceOptions): Promise<RtpSource> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new RtpSource(options, socket);
  }

  private constructor(options: RtpSourceOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.ports = options.ports;
    // A publisher ignores that no receiver listens.
    socket.on("error", () => {});
    this.#frameMs = options.frameMs ?? FRAME_MS;
    this.#timer = setInterval(() => this.#catchUp(), this.#frameMs / 2);
  }

  /** Number of the next packet, u16. */
  get sequence(): number {
    return ((this.#options.sequence ?? 0) + this.count) & 0xffff;
  }

  /** Timestamps are this much further from now on, ticks of 90 kHz. */
  leap(ticks: number): void {
    this.#leapTicks += ticks;
  }

  /** Sends no more. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #catchUp(): void {
    const due = Math.floor((performance.now() - this.#startedAt) / this.#frameMs) + 1;
    while (this.#frames < due) this.#sendFrame();
  }

  #sendFrame(): void {
    const { ssrc, timestamp = 0, payloadBytes = 400 } = this.#options;
    const isKey = this.#frames % FRAMES_PER_KEY_FRAME === 0;
    for (let part = 0; part < PACKETS_PER_FRAME; part++) {
      const payload = new Uint8Array(payloadBytes);
      // RFC 7741 §4.2 and §4.3: S on the first packet; P, the lowest bit of the frame, is 0 in key frames.
      payload[0] = part === 0 ? 0x10 : 0;
      payload[1] = isKey ? 0 : 1;
      const packet = encodeRtp({
        marker: part === PACKETS_PER_FRAME - 1,
        payloadType: PAYLOAD_TYPE,
        sequence: this.sequence,
        timestamp:
          (timestamp + this.#leapTicks + this.#frames * this.#frameMs * TICKS_PER_MS) >>> 0,
        ssrc,
        csrcs: [],
        extensions: [],
        payload,
      });
      for (const port of this.ports) this.#socket.send(packet, port, "127.0.0.1");
      this.count++;
    }
    this.#frames++;
  }
}
