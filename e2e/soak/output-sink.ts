import type { Socket } from "node:dgram";
import type { SiteClient } from "../../src/site/index.ts";
import { decodeRtp } from "../../src/wire/index.ts";
import { openUdp } from "../support/udp.ts";

/** Plain RTP outputs of one site, each to a port of its own, and whether their numbers are whole. */
export class OutputSink {
  missing = 0;
  repeated = 0;
  packets = 0;
  readonly #sockets: Socket[] = [];
  readonly #newest: (number | undefined)[] = [];

  static async open(client: SiteClient, channel: string, count: number): Promise<OutputSink> {
    const sink = new OutputSink();
    for (let index = 0; index < count; index++) {
      const socket = await openUdp();
      sink.#sockets.push(socket);
      socket.on("message", (bytes) => sink.#take(index, bytes));
      await client.addOutput(channel, "127.0.0.1", { video: socket.address().port });
    }
    return sink;
  }

  /** Outputs whose newest packet is not the one of that number. */
  behind(sequence: number): number {
    return this.#newest.filter((newest) => newest !== sequence).length;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #take(index: number, bytes: Uint8Array): void {
    const rtp = decodeRtp(bytes);
    if (typeof rtp === "string") return;
    this.packets++;
    const newest = this.#newest[index];
    const step = newest === undefined ? 1 : (rtp.sequence - newest) & 0xffff;
    if (step === 0 || step > 0x8000) {
      this.repeated++;
      return;
    }
    this.missing += step - 1;
    this.#newest[index] = rtp.sequence;
  }
}
