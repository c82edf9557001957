import type { EndpointId } from "./model.ts";
import type { RecordStore } from "./network.ts";

/** Records in memory, for simulations and tests: they outlive a simulated process, and end with the real one. */
export class MemoryRecordStore implements RecordStore {
  readonly #records = new Map<EndpointId, Uint8Array>();

  /** Records kept. */
  get count(): number {
    return this.#records.size;
  }

  async get(stream: EndpointId): Promise<Uint8Array | undefined> {
    return this.#records.get(stream)?.slice();
  }

  async put(
    records: readonly { readonly stream: EndpointId; readonly bytes: Uint8Array }[],
  ): Promise<void> {
    for (const { stream, bytes } of records) this.#records.set(stream, bytes.slice());
  }

  async delete(stream: EndpointId): Promise<void> {
    this.#records.delete(stream);
  }
}
