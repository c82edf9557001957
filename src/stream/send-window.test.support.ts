import { MeanderError } from "../base/index.ts";
import { BenchContext, THERE } from "./bench-context.test.support.ts";
import type { Frame } from "./frames.ts";
import { SendWindow } from "./send-window.ts";
import type { WindowOwner } from "./window-owner.ts";

export const TARGET = 9;
export const GONE = new MeanderError("stream-gone", "as the test says");

/** A window at work. */
export interface Bench {
  readonly context: BenchContext;
  readonly window: SendWindow;
  readonly owner: { -readonly [K in keyof WindowOwner]: WindowOwner[K] };
  /** What the target says; all that was sent, if nothing else is given. */
  ack(parts: Partial<Extract<Frame, { type: "ack" }>>): void;
  push(count: number, bytes?: number): void;
}

/** A window to a target that a test speaks for. */
export function open({ held = false, resync = false } = {}): Bench {
  const context = new BenchContext();
  context.locate(TARGET, THERE);
  const owner = { id: 1, name: "foo", streamEpoch: 1, maySend: true, windowMoved: () => {} };
  const window = new SendWindow(
    context,
    owner,
    { target: TARGET, targetName: "bar" },
    { held, resync },
  );
  return {
    ...{ context, window, owner },
    ack: (parts) => {
      const { received = 0 } = parts;
      const ack = {
        type: "ack",
        source: 1,
        target: TARGET,
        targetEpoch: 1,
        consumed: received,
        received,
        credit: 2_048,
        beyondGap: 0,
      } as const;
      context.turn(() => window.acknowledged({ ...ack, ...parts }));
    },
    push: (count, bytes = 10) =>
      context.turn(() => {
        for (let index = 0; index < count; index++) window.push(new Uint8Array(bytes).fill(index));
      }),
  };
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
