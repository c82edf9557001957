/**
 * A script for tests of confined processes: does what letters say, in JSON, and answers in JSON. Before each, it begins
 * the slot.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { SiteLink } from "./site-link.ts";

/** What a test asks for. */
export interface Order {
  readonly task: keyof typeof tasks;
  /** Slot that runs meanwhile. */
  readonly slot: number;
  readonly value?: unknown;
  /** So many times. Default 1. */
  readonly count?: number;
}

const require = createRequire(import.meta.url);
const tasks = {
  answer({ value, slot, count = 1 }: Order): void {
    for (let index = 0; index < count; index++) {
      answer(value);
      // The next thing begins.
      link.begin(slot);
    }
  },
  loop(): void {
    for (;;) Math.sqrt(2);
  },
  regexp(): void {
    /^(a+)+$/.test(`${"a".repeat(40)}b`);
  },
  heap(): void {
    for (const all: unknown[] = []; ; ) all.push({ all: [all.length] });
  },
  array(): void {
    answer(new Array(5e7).fill(1.1).length);
  },
  buffers({ count = 1 }: Order): void {
    const all: unknown[] = [];
    try {
      for (let index = 0; index < count; index++) all.push(new Uint8Array(2 ** 24).fill(1));
      answer("has them");
    } catch (error) {
      answer((error as Error).name);
    }
  },
  exit(): void {
    process.exit(3);
  },
  abort(): void {
    process.abort();
  },
  surroundings(): void {
    answer(surroundings());
  },
  flood(): void {
    process.stderr.write("x".repeat(1_000_000));
    answer("done");
  },
};

const link = new SiteLink((bytes) => {
  const order = JSON.parse(bytes.toString()) as Order;
  link.begin(order.slot);
  tasks[order.task](order);
  setImmediate(() => link.leave());
});

function answer(value: unknown): void {
  link.put(Buffer.from(`${JSON.stringify(value)}\n`));
}

/** What the process can reach: what comes of trying. */
function surroundings(): Record<string, unknown> {
  const tried = (task: () => unknown): unknown => {
    try {
      return task();
    } catch (error) {
      return (error as { readonly code?: string }).code ?? (error as Error).message;
    }
  };
  return {
    environment: process.env,
    descriptors: tried(() => readdirSync("/proc/self/fd").length),
    read: tried(() => readFileSync("/etc/passwd").byteLength),
    write: tried(() => writeFileSync("/tmp/meander-escaped", "")),
    spawn: tried(() => require("node:child_process").spawnSync("true").error?.code),
    thread: tried(() => void new (require("node:worker_threads").Worker)("0", { eval: true })),
    native: tried(() => process.dlopen({ exports: {} }, "/none.node")),
    socket: typeof connect,
  };
}
