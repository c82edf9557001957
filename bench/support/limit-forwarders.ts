import { compileC } from "./c-compiler.ts";
import { Child } from "./child.ts";
import type { Forwarder, ForwarderOptions } from "./forwarder.ts";
import { CAN_SEE_CPU, processCpuSeconds } from "./process-cpu.ts";

/** The least that Node can do: `bench/limit/dgram-fanout.ts`. */
export async function openDgram({ ports }: ForwarderOptions): Promise<Forwarder> {
  const child = Child.script("limit/dgram-fanout.js", ports.join(","));
  const { port } = await child.line<{ port: number }>();
  return {
    port,
    cpuSeconds: async () =>
      CAN_SEE_CPU
        ? processCpuSeconds(child.pid)
        : (await child.ask<{ cpuSeconds: number }>("cpu")).cpuSeconds,
    stop: () => child.stop(),
  };
}

/** The least that the kernel allows: `bench/limit/fanout.c`, with as few system calls as can be. */
export function openLimit(options: ForwarderOptions): Promise<Forwarder | undefined> {
  return openC("batched", options);
}

/** The least that one system call per datagram costs. */
export function openLimitSendto(options: ForwarderOptions): Promise<Forwarder | undefined> {
  return openC("sendto", options);
}

async function openC(
  mode: "batched" | "sendto",
  { folder, ports }: ForwarderOptions,
): Promise<Forwarder | undefined> {
  const program = compileC("limit/fanout.c", folder);
  if (program === undefined) return undefined;
  const child = new Child(program, [mode, ports.join(",")]);
  const { port } = await child.line<{ port: number }>();
  return { port, cpuSeconds: async () => processCpuSeconds(child.pid), stop: () => child.stop() };
}
