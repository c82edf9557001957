/** How long an owner's first agent takes to start, and the memory of each owner, in the programs as they are published. */
import type { AgentHost, AgentInstance, AgentProgram, ProcessPool } from "../../src/agent/index.ts";
import { shareOfMemoryMb } from "../../src/agent/processes/index.ts";
import { SILENT, SystemClock } from "../../src/base/index.ts";
import { packValue } from "../../src/wire/index.ts";
import { median } from "./median.ts";

const NOTHING = packValue(undefined);
const host: AgentHost = {
  call: async () => NOTHING,
  log() {},
  now: () => Date.now(),
  random: () => Math.random(),
};

/** What was measured. */
export interface ExecutorStarts {
  /** Until the first agent of an owner has started, ms, with a process that was ready, and without. */
  readonly executorStartMs: { readonly warm: number; readonly cold: number };
  /** Share of the memory (PSS) of each of several owners' processes, MiB; undefined where the system does not tell. */
  readonly memoryPerOwnerMb: number | undefined;
}

export async function measureStarts(rounds: number, owners: number): Promise<ExecutorStarts> {
  const published = new URL("../../bundle/agent.js", import.meta.url).href;
  const { openAgentProcesses, ProcessExecutor } = (await import(
    published
  )) as typeof import("../../src/agent/index.ts");
  const clock = new SystemClock();
  const cold: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using pool = openAgentProcesses();
    await using executor = new ProcessExecutor({ pool, clock, log: SILENT });
    cold.push(await timed(() => executor.start(programOf("first"), host)));
  }
  await using pool = openAgentProcesses();
  const pids: number[] = [];
  const noting = {
    take(memoryMb?: number) {
      const process = pool.take(memoryMb);
      if (process.pid !== undefined) pids.push(process.pid);
      return process;
    },
  } as ProcessPool;
  await using executor = new ProcessExecutor({ pool: noting, clock, log: SILENT });
  const warm: number[] = [];
  for (let owner = 0; owner < Math.max(rounds, owners); owner++) {
    const started = executor.start(programOf(`owner-${owner}`), host);
    const ms = await timed(() => started);
    if (owner > 0) warm.push(ms);
    await call(await started);
    // The next one gets ready.
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const shares = pids.map((pid) => shareOfMemoryMb(pid));
  return {
    executorStartMs: { warm: Math.round(median(warm)), cold: Math.round(median(cold)) },
    memoryPerOwnerMb: shares.includes(undefined)
      ? undefined
      : Number(median(shares as number[]).toFixed(1)),
  };
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const at = performance.now();
  await task();
  return performance.now() - at;
}

function call(instance: AgentInstance): Promise<void> {
  const message = { id: "a>b#1", from: "a", attempt: 1 };
  return new Promise((resolve) => {
    instance.run([{ handler: "append", argument: NOTHING, message }], () => resolve());
  });
}

function programOf(owner: string): AgentProgram {
  return {
    ...{ stream: owner, streamId: 1, agent: "counter", owner, site: "here" },
    code: "{ on: { append(ctx) { ctx.briefcase.n = (ctx.briefcase.n ?? 0) + 1; } } }",
    ...{ replaced: {}, briefcase: packValue({}) },
    ...{ handlerMs: 5_000, memoryMb: 64, briefcaseBytes: 2 ** 20 },
  };
}
