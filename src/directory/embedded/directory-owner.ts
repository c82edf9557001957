import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";

const ownerSchema = z.object({
  pid: z.int(),
  /**
   * Distinguishes processes that had the same pid, within this machine's uptime; absent where the system does not
   * provide it.
   */
  started: z.string().optional(),
  /** Distinguishes this run of the program from earlier ones that had its pid. */
  run: z.string(),
});

/** The process that holds a directory open. */
export type DirectoryOwner = z.infer<typeof ownerSchema>;

const RUN = randomUUID();

/** This process. */
export function thisOwner(): DirectoryOwner {
  const started = startOf(process.pid);
  return { pid: process.pid, ...(started === undefined ? {} : { started }), run: RUN };
}

/** Reads what {@link thisOwner} made; undefined for anything else. */
export function parseOwner(text: string | undefined): DirectoryOwner | undefined {
  if (text === undefined) return undefined;
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whether that process is still running, rather than a later one that was given its pid. */
export function isRunning(owner: DirectoryOwner): boolean {
  if (owner.pid === process.pid) return owner.run === RUN;
  if (!isAlive(owner.pid)) return false;
  return owner.started === undefined || (startOf(owner.pid) ?? owner.started) === owner.started;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user lives, too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks: field 22 of `/proc/PID/stat` (proc(5)). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is a name in parentheses, which may hold spaces; the third follows the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A process that ended and was not waited for still has its number.
    return fields[0] === "Z" ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}
