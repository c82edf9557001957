import { LIMITS } from "../../base/index.ts";
import type { InputSnapshot, PastSnapshot } from "../../reflector/index.ts";

type PastInput = PastSnapshot["inputs"][number];

/**
 * What the inputs of a channel were counted that have ended, by name, so that counts only rise when one is opened again.
 * Bounded: remembers the `LIMITS.pastInputsMax` that ended last.
 */
export class PastInputs {
  readonly #past = new Map<string, PastInput>();

  /** Adds an input that has ended. */
  add({ bytes, drops, kind, name, packets }: InputSnapshot): void {
    const key = `${kind} ${name}`;
    const before = this.#past.get(key) ?? { kind, name, packets: 0, bytes: 0, drops: {} };
    const sums: Record<string, number> = { ...before.drops };
    for (const [reason, count] of Object.entries(drops)) sums[reason] = (sums[reason] ?? 0) + count;
    this.#past.delete(key);
    this.#past.set(key, {
      ...{ kind, name, drops: sums },
      ...{ packets: before.packets + packets, bytes: before.bytes + bytes },
    });
    const [oldest] = this.#past.keys();
    if (this.#past.size > LIMITS.pastInputsMax && oldest !== undefined) this.#past.delete(oldest);
  }

  snapshot(): readonly PastInput[] {
    return [...this.#past.values()];
  }
}
