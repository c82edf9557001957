import type { MessageSocket } from "./message-socket.ts";

/** Two ends of a connection within this thread. Texts arrive in later microtasks, in order. */
export function memorySocketPair(): [MessageSocket, MessageSocket] {
  const left = new MemorySocket();
  const right = new MemorySocket();
  left.peer = right;
  right.peer = left;
  return [left, right];
}

class MemorySocket implements MessageSocket {
  peer: MemorySocket | undefined;
  #open = true;
  #early: string[] = [];
  #onMessage: ((text: string) => void) | undefined;
  #onClose: (() => void) | undefined;

  send(text: string): void {
    if (this.#open) queueMicrotask(() => this.peer?.receive(text));
  }

  onMessage(handler: (text: string) => void): void {
    this.#onMessage = handler;
    for (const text of this.#early.splice(0)) handler(text);
  }

  onClose(handler: () => void): void {
    this.#onClose = handler;
    if (!this.#open) handler();
  }

  close(): void {
    this.end();
    queueMicrotask(() => this.peer?.end());
  }

  receive(text: string): void {
    if (!this.#open) return;
    if (this.#onMessage === undefined) this.#early.push(text);
    else this.#onMessage(text);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#onClose?.();
  }
}
