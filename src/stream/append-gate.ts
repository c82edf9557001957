import { LIMITS } from "../base/index.ts";
import type { Frame } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import type { EndpointId, SiteInstance } from "./model.ts";
import { type Denial, type Denies, UNDECIDED } from "./resident-options.ts";
import { senderOf } from "./sender.ts";

type AppendFrame = Extract<Frame, { type: "append" }>;

/** What an {@link AppendGate} uses of its stream. */
export interface AppendGatePorts {
  readonly context: Pick<KernelContext, "locations" | "turn">;
  readonly denies: Denies;
  /** Whether the stream takes messages; what it does not take, its senders send again. */
  isOpen(): boolean;
  take(from: SiteInstance, frame: AppendFrame): void;
  refuse(from: SiteInstance, frame: AppendFrame, why: string): void;
  /** Frames were dropped, by reason. */
  count(reason: string, times: number): void;
}

interface Arrived {
  readonly from: SiteInstance;
  readonly frame: AppendFrame;
}

/**
 * What arrives for a stream, and whether its senders may append. Where a policy has to judge a sender first, its
 * frames wait, in order and bounded, for the verdict; those of others pass.
 */
export class AppendGate {
  readonly #ports: AppendGatePorts;
  /** By sender that is being judged. */
  readonly #waiting = new Map<EndpointId, Arrived[]>();
  #bytes = 0;

  constructor(ports: AppendGatePorts) {
    this.#ports = ports;
  }

  arrived(from: SiteInstance, frame: AppendFrame): void {
    const { context, denies, isOpen } = this.#ports;
    if (!isOpen()) {
      this.#ports.count("frozen", 1);
      return;
    }
    const queue = this.#waiting.get(frame.source);
    if (queue !== undefined) {
      this.#hold(queue, { from, frame });
      return;
    }
    const verdict = denies(senderOf(frame, context.locations));
    if (verdict instanceof Promise) this.#await(verdict, { from, frame });
    else this.#decide({ from, frame }, verdict);
  }

  #await(verdict: Promise<Denial>, first: Arrived): void {
    const { context } = this.#ports;
    const { source } = first.frame;
    const queue: Arrived[] = [];
    this.#waiting.set(source, queue);
    this.#hold(queue, first);
    void verdict.then((denied) =>
      context.turn(() => {
        this.#waiting.delete(source);
        for (const arrived of queue) {
          this.#bytes -= bytesOf(arrived.frame);
          this.#decide(arrived, denied);
        }
      }),
    );
  }

  #hold(queue: Arrived[], arrived: Arrived): void {
    const bytes = bytesOf(arrived.frame);
    if (this.#bytes + bytes > LIMITS.appendsHeldBytesMax) {
      this.#ports.count("verdict-waits", arrived.frame.segments.length);
      return;
    }
    this.#bytes += bytes;
    queue.push(arrived);
  }

  #decide({ from, frame }: Arrived, denied: Denial): void {
    const { isOpen, take, refuse } = this.#ports;
    if (!isOpen()) this.#ports.count("frozen", 1);
    else if (denied === undefined) take(from, frame);
    // Its sender sends it again, until it can be judged.
    else if (denied === UNDECIDED) this.#ports.count("verdict-waits", frame.segments.length);
    else {
      this.#ports.count("denied", frame.segments.length);
      refuse(from, frame, denied);
    }
  }
}

/** What a frame takes of memory, about. */
function bytesOf({ segments }: AppendFrame): number {
  return segments.reduce((sum, { bytes }) => sum + bytes.byteLength + OVERHEAD_BYTES, 0);
}

const OVERHEAD_BYTES = 64;
