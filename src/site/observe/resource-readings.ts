import { readdir, readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Usage } from "../../client/contract/index.ts";

/**
 * Descriptors of this process: sockets, files, and what Node itself needs. Undefined where the system does not report
 * them.
 */
export async function readDescriptors(
  proc = "/proc/self",
): Promise<{ readonly open: number; readonly limit: number } | undefined> {
  try {
    const [limits, open] = await Promise.all([
      readFile(`${proc}/limits`, "utf8"),
      readdir(`${proc}/fd`),
    ]);
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    if (soft === undefined) return undefined;
    const limit = soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft);
    // The folder itself was open while it was read.
    return Number.isInteger(limit) ? { open: Math.max(0, open.length - 1), limit } : undefined;
  } catch {
    return undefined;
  }
}

/** Largest buffer that a UDP socket may request, bytes. Undefined where the system does not report it. */
export async function readSocketBufferMax(
  file = "/proc/sys/net/core/rmem_max",
): Promise<number | undefined> {
  try {
    const bytes = Number((await readFile(file, "utf8")).trim());
    return Number.isInteger(bytes) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Resident memory, and what a container or a service allows. */
export function readMemory(): Usage {
  const limit = process.constrainedMemory();
  // Without a limit systems report 0, or more than the machine has.
  const isLimited = limit > 0 && limit < totalmem();
  return { used: process.memoryUsage.rss(), limit: isLimited ? limit : null };
}

/** The heap of this thread, and where V8 gives up (`--max-old-space-size`). */
export function readHeap(): Usage {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return { used, limit };
}
