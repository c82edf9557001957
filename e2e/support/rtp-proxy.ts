import type { Socket } from "node:dgram";
import { openInput, UNASSIGNED } from "./inputs.ts";
import { ffmpeg } from "./media-programs.ts";
import type { SiteProcess } from "./network.ts";
import type { Running } from "./processes.ts";
import { freePortPairs, openUdp } from "./udp.ts";

type Kind = "video" | "audio";

/** What happens to a packet: it is lost, or its sender was silent instead, and the numbers continue. */
type Fate = "lost" | "silent" | undefined;

const RATES = { video: 90_000, audio: 48_000 } as const;
/** From an encoder without delay, a key frame each second. */
const VIDEO =
  "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -g 25 -bf 0";

/** ffmpeg publishes H.264 and Opus through it, and what it does to their packets is known. */
export class RtpProxy implements AsyncDisposable {
  /** Decides about each media packet, by the number of packets of its kind before. */
  fateOf: (kind: Kind, index: number) => Fate = () => undefined;
  /** Timestamps are this much further, s. */
  leapSeconds = 0;
  readonly #program: Running;
  readonly #sockets: readonly Socket[];

  /** Opens the channel and publishes. */
  static async publish(site: SiteProcess, channel: string): Promise<RtpProxy> {
    const [video, audio] = await openInput(site, channel, [
      { ...UNASSIGNED, kind: "video", codec: "h264", payloadType: 96, clockRate: RATES.video },
      {
        ...UNASSIGNED,
        ...({ kind: "audio", codec: "opus", payloadType: 97 } as const),
        ...{ clockRate: RATES.audio, channels: 2 },
      },
    ]);
    if (video === undefined || audio === undefined) throw new Error("the site assigned no ports");
    const [first = 0, second = 0] = await freePortPairs(2);
    const sockets = await Promise.all(
      [first, first + 1, second, second + 1].map((port) => openUdp(port)),
    );
    const program = ffmpeg(
      ...["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"],
      ...["-re", "-f", "lavfi", "-i", "sine=440:sample_rate=48000"],
      ...["-map", "0:v", ...VIDEO.split(" "), "-payload_type", "96"],
      ...["-f", "rtp", `rtp://127.0.0.1:${first}?rtcpport=${first + 1}`],
      ...["-map", "1:a", "-c:a", "libopus", "-ac", "2", "-payload_type", "97"],
      ...["-f", "rtp", `rtp://127.0.0.1:${second}?rtcpport=${second + 1}`],
    );
    const proxy = new RtpProxy(program, sockets);
    proxy.#forward("video", sockets.slice(0, 2), [video.port, video.rtcpPort]);
    proxy.#forward("audio", sockets.slice(2), [audio.port, audio.rtcpPort]);
    return proxy;
  }

  private constructor(program: Running, sockets: readonly Socket[]) {
    this.#program = program;
    this.#sockets = sockets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop();
    for (const socket of this.#sockets) socket.close();
  }

  #forward(kind: Kind, sockets: readonly Socket[], ports: readonly number[]): void {
    const [media, control] = sockets;
    let index = 0;
    let silent = 0;
    media?.on("message", (packet) => {
      const fate = this.fateOf(kind, index++);
      if (fate === "silent") silent++;
      if (fate !== undefined) return;
      packet.writeUInt16BE((packet.readUInt16BE(2) - silent) & 0xffff, 2);
      this.#leap(kind, packet, 4);
      media.send(packet, ports[0]);
    });
    control?.on("message", (packet) => {
      // The sender report of RFC 3550 §6.4.1, which ffmpeg sends first.
      if (packet[1] === 200) this.#leap(kind, packet, 16);
      control.send(packet, ports[1]);
    });
  }

  #leap(kind: Kind, packet: Buffer, at: number): void {
    const ticks = packet.readUInt32BE(at) + this.leapSeconds * RATES[kind];
    packet.writeUInt32BE(((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32, at);
  }
}
