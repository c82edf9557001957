import { LIMITS, type MeanderError } from "../../base/index.ts";
import { AbortWatch } from "./abort-watch.ts";

/** `append`: calls that may wait long. `act`: the others. */
export type Lane = "append" | "act";

interface Call {
  readonly id: number;
  readonly message: string;
  readonly bytes: number;
  readonly lane: LaneState;
  readonly settle: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Nobody waits for it any more. */
  isForgotten: boolean;
  stopListening: () => void;
}

interface LaneState {
  readonly most: number;
  readonly queued: Set<Call>;
  unanswered: number;
  bytes: number;
}

/** Bytes of unanswered calls of one lane; a single call may have more. */
const LANE_BYTES_MAX = LIMITS.shellMessageBytesMax / 2;

/**
 * [S8] The unanswered calls of a shell: at most {@link LIMITS.shellCallsMax}, of which {@link LIMITS.shellAppendsMax} are appends and
 * sleeps. Further ones wait for room, in their order.
 */
export class CallWindow {
  readonly #send: (message: string) => void;
  readonly #forget: (id: number) => void;
  readonly #aborts = new AbortWatch();
  readonly #sent = new Map<number, Call>();
  readonly #lanes: Readonly<Record<Lane, LaneState>> = {
    append: newLane(LIMITS.shellAppendsMax),
    act: newLane(LIMITS.shellCallsMax - LIMITS.shellAppendsMax),
  };

  constructor(ports: { send(message: string): void; forget(id: number): void }) {
    this.#send = (message) => ports.send(message);
    this.#forget = (id) => ports.forget(id);
  }

  /**
   * Sends a call, now or when there is room. Settles with its result.
   *
   * @param bytes of the message
   * @param signal ends the waiting; a call that was not sent yet is not made
   */
  make(
    lane: Lane,
    call: { readonly id: number; readonly message: string; readonly bytes: number },
    signal?: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((settle, reject) => {
      const state = this.#lanes[lane];
      const waiting: Call = {
        ...call,
        lane: state,
        settle,
        reject,
        isForgotten: false,
        stopListening: () => {},
      };
      if (signal !== undefined) this.#heed(signal, waiting);
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

  /** Fails all calls: those that were sent may have been done. */
  end(error: (wasSent: boolean) => MeanderError): void {
    for (const call of this.#sent.values()) {
      call.stopListening();
      if (!call.isForgotten) call.reject(error(true));
    }
    this.#sent.clear();
    for (const lane of Object.values(this.#lanes)) {
      for (const call of lane.queued) {
        call.stopListening();
        call.reject(error(false));
      }
      lane.queued.clear();
    }
  }

  #heed(signal: AbortSignal, call: Call): void {
    const onAbort = (): void => {
      call.isForgotten = true;
      call.stopListening();
      call.reject(signal.reason);
      if (!call.lane.queued.delete(call)) this.#forget(call.id);
    };
    call.stopListening = this.#aborts.on(signal, onAbort);
  }

  #fill(lane: LaneState): void {
    for (const call of lane.queued) {
      if (lane.unanswered >= lane.most) return;
      if (lane.unanswered > 0 && lane.bytes + call.bytes > LANE_BYTES_MAX) return;
      lane.queued.delete(call);
      lane.unanswered++;
      lane.bytes += call.bytes;
      this.#sent.set(call.id, call);
      this.#send(call.message);
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#sent.get(id);
    if (call === undefined) return undefined;
    this.#sent.delete(id);
    call.stopListening();
    call.lane.unanswered--;
    call.lane.bytes -= call.bytes;
    this.#fill(call.lane);
    return call;
  }
}

function newLane(most: number): LaneState {
  return { most, queued: new Set(), unanswered: 0, bytes: 0 };
}
