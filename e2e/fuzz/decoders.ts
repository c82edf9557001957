/**
 * A process that feeds decoders with bytes that go wrong: `node --expose-gc decoders.js MINUTES SEED`. Prints a JSON line of stats;
 * a fault names the target, the seed and the bytes.
 *
 * @module
 */
import { SeededRandom } from "../../src/base/index.ts";
import { mutate } from "./mutate.ts";
import { targets } from "./targets.ts";

/** What the decoders did. */
export interface DecoderStats {
  readonly inputs: number;
  readonly targets: number;
  /** Longest time that one input took, ms, and where. */
  readonly slowestMs: number;
  readonly slowest: string;
  /** Heap after collection: when a tenth of the time had passed, and at the end, MiB. */
  readonly earlyMb: number;
  readonly lateMb: number;
  readonly faults: readonly string[];
}

/** Inputs that a target takes before it is the next one's turn. */
const TURN = 500;
const FAULTS_MAX = 10;
/** Longest time an input may take, ms: it would hold up everything else. */
const SLOW_MS = 500;

const minutes = Number(process.argv[2]);
const seed = Number(process.argv[3]);
const random = new SeededRandom(seed);
const all = targets(seed);
const start = performance.now();
const end = start + minutes * 60_000;
const faults: string[] = [];
let inputs = 0;
let slowestMs = 0;
let slowest = "";
let earlyMb = 0;

process.on("unhandledRejection", (reason) => faults.push(`a rejection: ${reason}`));
outer: for (;;) {
  for (const target of all) {
    for (let turn = 0; turn < TURN; turn++) {
      const bytes = mutate(random, target.samples);
      const began = performance.now();
      inputs++;
      try {
        target.take(bytes);
      } catch (error) {
        const shown = Buffer.from(bytes.subarray(0, 200)).toString("hex");
        faults.push(
          `${target.name} threw ${error instanceof Error ? error.stack : error} for ${shown}`,
        );
        if (faults.length >= FAULTS_MAX) break outer;
      }
      const tookMs = performance.now() - began;
      if (tookMs <= slowestMs) continue;
      slowestMs = tookMs;
      slowest = target.name;
    }
    // Rejections and what is posted have their turn.
    await new Promise((done) => setImmediate(done));
    const now = performance.now();
    if (now > end) break outer;
    if (earlyMb === 0 && now - start > (end - start) / 10) earlyMb = heapMb();
  }
}
if (slowestMs > SLOW_MS) faults.push(`${slowest} took ${Math.round(slowestMs)} ms for one input`);
const stats: DecoderStats = {
  inputs,
  targets: all.length,
  slowestMs: Math.round(slowestMs),
  slowest,
  earlyMb,
  lateMb: heapMb(),
  faults,
};
process.stdout.write(`${JSON.stringify(stats)}\n`);
process.exit(0);

function heapMb(): number {
  globalThis.gc?.();
  return Math.round(process.memoryUsage().heapUsed / 1024 / 1024);
}
