import { request } from "node:http";
import type { Duplex } from "node:stream";
import { LINK_PATH, LINK_UPGRADE } from "../../src/transport/index.ts";
import { controlPacket, viewerHello } from "../support/hostile.ts";

/**
 * Subscribes over TCP and then hardly reads: nothing at all, or a byte a second. The site has to part with it.
 */
export class SlowReader {
  /** True once the site has closed it. */
  isClosed = false;
  readonly #socket: Duplex;
  readonly #timer: NodeJS.Timeout;

  static async open(port: number, channel: string, pace: "never" | "drip"): Promise<SlowReader> {
    const headers = { Connection: "Upgrade", Upgrade: LINK_UPGRADE };
    const asked = request({ host: "127.0.0.1", port, path: LINK_PATH, headers, agent: false });
    asked.end();
    const socket = await new Promise<Duplex>((resolve, reject) => {
      asked.once("error", reject);
      asked.once("response", () => reject(new Error("the site does not upgrade")));
      asked.once("upgrade", (_response, upgraded) => resolve(upgraded));
    });
    return new SlowReader(socket, channel, pace);
  }

  private constructor(socket: Duplex, channel: string, pace: "never" | "drip") {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.once("close", () => {
      this.isClosed = true;
    });
    socket.pause();
    socket.write(viewerHello("slow", Math.floor(Math.random() * 0xffff_ffff)));
    const wish = { request: 1, channel, forward: true, resume: [] } as const;
    socket.write(controlPacket({ type: "subscribe", ...wish }));
    const beat = { type: "heartbeat", sentAt: 0, echo: Number.NaN, heldMs: 0 } as const;
    this.#timer = setInterval(() => {
      if (pace === "drip") socket.read(1);
      // It lives, as far as the site can tell; and who does not read hears of the end only by writing.
      socket.write(controlPacket(beat));
    }, 1_000);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}
