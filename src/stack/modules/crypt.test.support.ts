import assert from "node:assert/strict";
import { LIMITS, SeededRandom, VirtualClock } from "../../base/index.ts";
import { encodePacket, FLAG, KIND } from "../../wire/index.ts";
import { testCipher } from "../crypt/cipher.conformance.ts";
import { ModuleEnd, settle } from "../module.conformance.ts";
import type { StackPorts } from "../module.ts";
import { cryptModule } from "./crypt.ts";

export const SECRET = new TextEncoder().encode("a0".repeat(32));
export const PORTS = { cipher: testCipher, secret: () => SECRET };

/** A packet whose payload repeats its number. */
export function packetOf(sequence: number, payloadBytes = 100): Uint8Array {
  return encodePacket(
    {
      kind: KIND.rtp,
      flags: FLAG.begin | FLAG.keyframe,
      channel: 7,
      source: 9,
      medium: 2,
      sourceGeneration: 4,
      sequence,
    },
    new Uint8Array(payloadBytes).fill(sequence),
  );
}

/** Two ends, each of which may be restarted. */
export class CryptWorld {
  readonly clock = new VirtualClock();
  readonly #options: { readonly reliable: boolean; readonly renew: number };
  readonly #ports: Partial<StackPorts>;
  #seed: number;
  left: ModuleEnd;
  right: ModuleEnd;

  constructor({
    seed = 1,
    reliable = false,
    renew = LIMITS.sealedUnitsMax,
    ports = {},
  }: { seed?: number; reliable?: boolean; renew?: number; ports?: Partial<StackPorts> } = {}) {
    this.#seed = seed * 1_000;
    this.#options = { reliable, renew };
    this.#ports = ports;
    this.left = this.start();
    this.right = this.start();
  }

  /** A new end, as after a restart of its process. */
  start(ports: Partial<StackPorts> = {}): ModuleEnd {
    const { reliable, renew } = this.#options;
    const maxBytes = reliable ? LIMITS.batchBytesMax : LIMITS.datagramBytesMax;
    return new ModuleEnd(
      cryptModule,
      { renew },
      { maxBytes, reliable, coalesces: reliable, overheadBytes: 0 },
      {
        ...PORTS,
        clock: this.clock,
        random: new SeededRandom(this.#seed++),
        ...this.#ports,
        ...ports,
      },
    );
  }

  send(from: ModuleEnd, ...packets: Uint8Array[]): void {
    for (const each of packets) assert.equal(from.module.down(each, this.clock.now()), true);
  }

  settle(): void {
    settle(this.left, this.right, this.clock);
  }

  /** Afterwards both ends have keys. */
  agree(): void {
    this.send(this.left, packetOf(0));
    this.settle();
    this.send(this.right, packetOf(0));
    this.settle();
  }
}

/** The counts that have changed since, by how much. */
export function counted(
  end: ModuleEnd,
  since: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(end.module.stats())
      .map(([key, count]) => [key, count - (since[key] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}
