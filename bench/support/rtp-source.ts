import { Child } from "./child.ts";

/** Packets to send, and how. */
export interface Flight {
  readonly port: number;
  readonly count: number;
  /** Packets back to back; then a pause that keeps the rate. */
  readonly burst: number;
  readonly packetsPerSecond: number;
}

/** A publisher of RTP in a process of its own. */
export class RtpSource {
  readonly #child = Child.script("support/rtp-pacer.js");

  /** Sends to a port of 127.0.0.1. @returns seconds it took */
  async send(flight: Flight): Promise<number> {
    return (await this.#child.ask<{ seconds: number }>(JSON.stringify(flight))).seconds;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
