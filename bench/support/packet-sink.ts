import { setTimeout as sleep } from "node:timers/promises";
import { compileC } from "./c-compiler.ts";
import { Child } from "./child.ts";
import { PACKET_BYTES } from "./rtp-stream.ts";

/** No packet for so long: those that are missing are lost, ms. */
const QUIET_MS = 300;
const POLL_MS = 20;

/** UDP subscribers, in a process of their own that counts what they get. */
export class PacketSink {
  /** One per subscriber, on 127.0.0.1. */
  readonly ports: readonly number[];
  /** What drains the ports. */
  readonly program: "c" | "node";
  readonly #child: Child;

  private constructor(child: Child, ports: readonly number[], program: "c" | "node") {
    this.#child = child;
    this.ports = ports;
    this.program = program;
  }

  /** @param folder where its program may be compiled to */
  static async open(subscribers: number, folder: string): Promise<PacketSink> {
    const compiled = compileC("support/sink.c", folder);
    const args = [`${subscribers}`, `${PACKET_BYTES}`];
    const child =
      compiled === undefined
        ? Child.script("support/node-sink.js", ...args)
        : new Child(compiled, args);
    const { ports } = await child.line<{ ports: number[] }>();
    return new PacketSink(child, ports, compiled === undefined ? "node" : "c");
  }

  /** Packets that came so far, to all together. */
  async count(): Promise<number> {
    return (await this.#child.ask<{ packets: number }>("count")).packets;
  }

  /** The count once it has reached `expected`, or once nothing comes any more. */
  async settled(expected: number): Promise<number> {
    let count = await this.count();
    for (let quiet = 0; count < expected && quiet < QUIET_MS; ) {
      await sleep(POLL_MS);
      const next = await this.count();
      quiet = next === count ? quiet + POLL_MS : 0;
      count = next;
    }
    return count;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
