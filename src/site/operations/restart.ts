import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { z } from "zod";
import { type Clock, delay, type Log } from "../../base/index.ts";

/** Exit code of a site that is to be started again. (EX_TEMPFAIL of sysexits.h) */
export const RESTART_CODE = 75;
/** Carries {@link Ports} to a restarted site. */
const VARIABLE = "MEANDER_RESTART";
/** How long starting a site again is retried, ms. */
const RETRY_MS_MAX = 30_000;
const RETRY_PAUSE_MS = 500;

const portsSchema = z.object({ http: z.number(), udp: z.number(), streams: z.number() });

/** The ports of a site, which its next run uses again. */
export type Ports = z.infer<typeof portsSchema>;

/** The link of a restarted site to the process that it took over from. */
export interface FormerSelf {
  readonly ports: Ports;
  /** Reports that the site is up. */
  tellUp(): void;
  /** Calls `task` when that process is gone. */
  onGone(task: () => void): void;
}

/** The process that this one took over from; undefined: it is not a restart. */
export function formerSelf(): FormerSelf | undefined {
  const value = process.env[VARIABLE];
  if (value === undefined || process.send === undefined) return undefined;
  const ports = portsSchema.safeParse(JSON.parse(value));
  if (!ports.success) return undefined;
  return {
    ports: ports.data,
    tellUp: () => {
      if (process.connected) process.send?.({ type: "up" }, undefined, undefined, () => {});
    },
    onGone: (task) => {
      if (process.connected) process.once("disconnect", task);
      else task();
    },
  };
}

/**
 * Runs this process's program once more, with its arguments, standard streams and terminal, and is from now on only its
 * parent: forwards signals, starts it again whenever it ends with {@link RESTART_CODE}, and ends as it ends. Shells,
 * containers and service managers rely on the process that they started, so the parent stays.
 *
 * A start that fails before the site is up is repeated for a while: the session may still know the last run.
 *
 * @returns the exit code
 */
export async function becomeParent(
  ports: Ports,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<number> {
  let child: ChildProcess | undefined;
  let isEnding = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      isEnding ||= signal === "SIGINT" || signal === "SIGTERM";
      child?.kill(signal);
    });
  }
  let deadline = clock.now() + RETRY_MS_MAX;
  for (;;) {
    let isUp = false;
    child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
      env: { ...process.env, [VARIABLE]: JSON.stringify(ports) },
      windowsHide: true,
      // Signals of the terminal come once, from here.
      detached: process.platform !== "win32",
    });
    child.on("message", () => {
      isUp = true;
    });
    const code = await endOf(child);
    if (code === RESTART_CODE && !isEnding) {
      deadline = clock.now() + RETRY_MS_MAX;
      continue;
    }
    if (isUp || isEnding || code === 0 || clock.now() > deadline) return code;
    log.warn("The site has not started again yet.", { code });
    await delay(clock, "start again", RETRY_PAUSE_MS);
    if (isEnding) return code;
  }
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
