import { existsSync } from "node:fs";

/** How a confined process is started. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** What a confined process may use. */
export interface Confinement {
  /** Folders and files that it may read, which its own code is in. It may write none. */
  readonly readable: readonly string[];
  /** Heap of the engine, MiB. */
  readonly heapMb: number;
  /** All memory that it may have for data: heap, buffers, stacks and everything else, MiB. */
  readonly dataMb: number;
}

/** Of what a collection of young objects needs, MiB: three such spaces. */
const SEMI_SPACE_MB = 4;
const SHELL = "/bin/sh";
/** Ends the process with the thread that started it, whatever it does: no descriptor has to be read for that. */
const SET_DEATH_SIGNAL = "/usr/bin/setpriv";

/**
 * The command that runs a script of Node with as little as it needs.
 *
 * Where there is a POSIX shell, the system bounds the memory for data, and writes no core. On Linux with util-linux the
 * process ends with its site even while it computes; elsewhere when it reads next.
 */
export function confinedCommand(script: string, confinement: Confinement): Command {
  const { heapMb, dataMb } = confinement;
  const node = [
    process.execPath,
    ...permissionArguments(confinement.readable),
    `--max-old-space-size=${heapMb}`,
    `--max-semi-space-size=${SEMI_SPACE_MB}`,
    // More threads for the collection of garbage would only take memory: most of these processes idle.
    "--v8-pool-size=1",
    "--no-warnings",
    script,
  ];
  if (process.platform === "win32" || !existsSync(SHELL)) {
    const [file = process.execPath, ...args] = node;
    return { file, args };
  }
  const limits = `ulimit -c 0; ulimit -d ${dataMb * 1024} 2>/dev/null; exec "$@"`;
  const withSite =
    process.platform === "linux" && existsSync(SET_DEATH_SIGNAL)
      ? [SET_DEATH_SIGNAL, "--pdeathsig", "KILL", "--"]
      : [];
  return { file: SHELL, args: ["-c", limits, "sh", ...withSite, ...node] };
}

/** No files but those that it may read, no processes, no threads, no native parts. */
function permissionArguments(readable: readonly string[]): string[] {
  for (const flag of ["--permission", "--experimental-permission"]) {
    if (!process.allowedNodeEnvironmentFlags.has(flag)) continue;
    return [flag, ...readable.map((path) => `--allow-fs-read=${path}`)];
  }
  return [];
}
