import type { Clock } from "../base/index.ts";
import type { GroupSockets } from "../reflector/index.ts";

interface Input {
  readonly site: string;
  readonly key: string;
  readonly onPackets: (bytes: Uint8Array) => void;
}

/** Multicast between the sites of a world. */
export class VirtualGroups {
  /** Packets sent to groups: each counts once, however many hear it. */
  sent = 0;
  /** Sites that groups do not reach now. */
  readonly deaf = new Set<string>();
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #inputs = new Set<Input>();
  #ports = 40_000;

  constructor({ clock, latencyMs }: { readonly clock: Clock; readonly latencyMs: number }) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  /** The groups as a site meets them. */
  at(site: string): GroupSockets {
    return {
      openOutput: async ({ group, port }) => {
        const from = { host: site, port: ++this.#ports };
        return {
          from,
          salt: undefined,
          isSpent: false,
          send: (packet) => {
            this.sent++;
            this.#send(`${group} ${port} ${from.host} ${from.port}`, packet);
            return true;
          },
          close() {},
        };
      },
      openInput: async ({ group, port, from }, onPackets) => {
        const input = { site, key: `${group} ${port} ${from.host} ${from.port}`, onPackets };
        this.#inputs.add(input);
        return { close: () => void this.#inputs.delete(input) };
      },
    };
  }

  /** A site is gone, and its sockets with it. */
  forget(site: string): void {
    for (const input of this.#inputs) if (input.site === site) this.#inputs.delete(input);
  }

  #send(key: string, packet: Uint8Array): void {
    for (const input of this.#inputs) {
      if (input.key !== key || this.deaf.has(input.site)) continue;
      this.#clock.after("group packet", this.#latencyMs, () => {
        if (this.#inputs.has(input)) input.onPackets(packet.slice());
      });
    }
  }
}
