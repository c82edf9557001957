import { LIMITS, type MeanderError } from "../../base/index.ts";
import { AbortWatch } from "./abort-watch.ts";

/** `append`: calls that may wait long. `act`: the others. */
export type CallClass = "append" | "act";

interface Call {
  readonly id: number;
  readonly message: string;
  readonly bytes: number;
  readonly quota: Quota;
  readonly settle: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The caller has stopped waiting. */
  isForgotten: boolean;
  stopListening: () => void;
}

interface Quota {
  readonly most: number;
  readonly queued: Set<Call>;
  unanswered: number;
  bytes: number;
}

/** Bytes of the unanswered calls of one class; a single call may have more. */
const UNANSWERED_BYTES_MAX = LIMITS.shellMessageBytesMax / 2;

/**
 * [S8] The unanswered calls of a shell: at most {@link LIMITS.shellCallsMax}, of which {@link LIMITS.shellAppendsMax}
 * are appends and sleeps. Further ones wait, first in, first out.
 */
export class CallWindow {
  readonly #send: (message: string) => void;
  readonly #forget: (id: number) => void;
  readonly #aborts = new AbortWatch();
  readonly #sent = new Map<number, Call>();
  readonly #quotas: Readonly<Record<CallClass, Quota>> = {
    append: newQuota(LIMITS.shellAppendsMax),
    act: newQuota(LIMITS.shellCallsMax - LIMITS.shellAppendsMax),
  };

  constructor(ports: { send(message: string): void; forget(id: number): void }) {
    this.#send = (message) => ports.send(message);
    this.#forget = (id) => ports.forget(id);
  }

  /**
   * Sends a call, at once or when there is room. Resolves to its result.
   *
   * @param bytes of the message
   * @param signal rejects the call; one that was not sent yet is not sent
   */
  make(
    kind: CallClass,
    call: { readonly id: number; readonly message: string; readonly bytes: number },
    signal?: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((settle, reject) => {
      const state = this.#quotas[kind];
      const waiting: Call = {
        ...call,
        quota: state,
        settle,
        reject,
        isForgotten: false,
        stopListening: () => {},
      };
      if (signal !== undefined) this.#watch(signal, waiting);
      state.queued.add(waiting);
      this.#fill(state);
    });
  }

  /** Whether an answer to that call is awaited. */
  has(id: number): boolean {
    return this.#sent.has(id);
  }

  answered(id: number, result: unknown): void {
    const call = this.#take(id);
    if (call?.isForgotten === false) call.settle(result);
  }

  failed(id: number, error: MeanderError): void {
    const call = this.#take(id);
    if (call?.isForgotten === false) call.reject(error);
  }

  /** Rejects all calls. Those that were sent may have taken effect. */
  end(error: (wasSent: boolean) => MeanderError): void {
    for (const call of this.#sent.values()) {
      call.stopListening();
      if (!call.isForgotten) call.reject(error(true));
    }
    this.#sent.clear();
    for (const quota of Object.values(this.#quotas)) {
      for (const call of quota.queued) {
        call.stopListening();
        call.reject(error(false));
      }
      quota.queued.clear();
    }
  }

  #watch(signal: AbortSignal, call: Call): void {
    const onAbort = (): void => {
      call.isForgotten = true;
      call.stopListening();
      call.reject(signal.reason);
      if (!call.quota.queued.delete(call)) this.#forget(call.id);
    };
    call.stopListening = this.#aborts.on(signal, onAbort);
  }

  #fill(quota: Quota): void {
    for (const call of quota.queued) {
      if (quota.unanswered >= quota.most) return;
      if (quota.unanswered > 0 && quota.bytes + call.bytes > UNANSWERED_BYTES_MAX) return;
      quota.queued.delete(call);
      quota.unanswered++;
      quota.bytes += call.bytes;
      this.#sent.set(call.id, call);
      this.#send(call.message);
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#sent.get(id);
    if (call === undefined) return undefined;
    this.#sent.delete(id);
    call.stopListening();
    call.quota.unanswered--;
    call.quota.bytes -= call.bytes;
    this.#fill(call.quota);
    return call;
  }
}

function newQuota(most: number): Quota {
  return { most, queued: new Set(), unanswered: 0, bytes: 0 };
}
