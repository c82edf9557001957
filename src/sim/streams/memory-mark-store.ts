import type { EndpointId, MarkStore, RunMark } from "../../stream/index.ts";

/** Marks on a simulated disk: they outlive the process of their site, and are read by its next one. */
export class MemoryMarkStore implements MarkStore {
  /** Whether the process before this one ended without closing them. */
  #isAfterDeath = false;
  #isOpen = false;
  #former = new Map<EndpointId, RunMark>();
  #marks = new Map<EndpointId, RunMark>();

  /** A process begins: what is there was left by the last one. */
  begin(): void {
    this.#isAfterDeath = this.#isOpen;
    this.#isOpen = true;
    this.#former = this.#marks;
    this.#marks = new Map();
  }

  get isAfterDeath(): boolean {
    return this.#isAfterDeath;
  }

  /** The process ends in order. */
  close(): void {
    this.#isOpen = false;
  }

  takeFormer(stream: EndpointId): RunMark | undefined {
    const mark = this.#former.get(stream);
    this.#former.delete(stream);
    return mark;
  }

  put(stream: EndpointId, { messages, ...mark }: RunMark): void {
    this.#marks.set(stream, {
      ...mark,
      messages: messages.map(({ source, seq }) => ({ source, seq })),
    });
  }

  delete(stream: EndpointId): void {
    this.#marks.delete(stream);
  }
}
