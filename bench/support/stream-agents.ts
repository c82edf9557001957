/** The agents of the bench of streams, as texts: one that sends at full speed, and one that looks at what comes. */
import type { Isolation } from "../../src/agent/index.ts";

/** Sends `count` messages of 100 bytes, numbered from 1, to the stream `to`; at most 256 in one handler. `{ stop: true }` ends it. */
export function sourceAgent(isolation: Isolation): string {
  return `export default {
    isolation: ${JSON.stringify(isolation)},
    briefcase: { stopped: false },
    on: {
      append(ctx, message) {
        if (message.stop) return void (ctx.briefcase.stopped = true);
        const { to, from, count } = message;
        const end = Math.min(from + 256, count);
        const sink = ctx.open(to);
        for (let n = from + 1; n <= end; n++) {
          const bytes = new Uint8Array(97);
          new DataView(bytes.buffer).setFloat64(0, n);
          sink.append(bytes);
        }
        if (end < count && !ctx.briefcase.stopped) ctx.open(ctx.stream).append({ to, from: end, count });
        else sink.append({ end });
      },
    },
  };`;
}

/** What a {@link sinkAgent} has seen. */
export interface SinkReport {
  readonly last: number;
  readonly lost: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** The number of the last message, once it has come; else 0. */
  readonly end: number;
  /** From the first message to the last, ms. */
  readonly ms: number;
}

/** Counts what is missing, repeated, or out of order; answers \`{ report: true }\`, and starts over with \`{ reset: true }\`. */
export function sinkAgent(isolation: Isolation, briefcaseBytes: number): string {
  return `export default {
    isolation: ${JSON.stringify(isolation)},
    briefcase: { last: 0, lost: 0, repeated: 0, outOfOrder: 0, end: 0, startedAt: 0, endedAt: 0, load: new Uint8Array(${briefcaseBytes}) },
    on: {
      append(ctx, message) {
        const b = ctx.briefcase;
        if (message instanceof Uint8Array) {
          const n = new DataView(message.buffer, message.byteOffset).getFloat64(0);
          if (b.last === 0) b.startedAt = ctx.now();
          if (n === b.last) b.repeated++;
          else if (n < b.last) b.outOfOrder++;
          else b.lost += n - b.last - 1;
          b.last = Math.max(b.last, n);
        } else if (message.end) {
          b.end = message.end;
          b.endedAt = ctx.now();
        } else if (message.report) {
          return { last: b.last, lost: b.lost, repeated: b.repeated, outOfOrder: b.outOfOrder, end: b.end, ms: b.endedAt - b.startedAt };
        } else if (message.reset) {
          b.last = b.end = b.startedAt = b.endedAt = 0;
        }
      },
    },
  };`;
}
