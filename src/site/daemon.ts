import { type Clock, LIMITS, type Log, SystemClock } from "../base/index.ts";
import { noteLocalSite } from "../client/index.ts";
import { formatBitRate } from "../view/index.ts";
import { supervisedDemo } from "./demo/demo-link.ts";
import { gatedLog, LogGate } from "./observe/log-gate.ts";
import { openLog } from "./observe/open-log.ts";
import { Farewell } from "./operations/farewell.ts";
import { type ReadSettings, reload } from "./operations/reload.ts";
import { becomeParent, formerSelf, RESTART_CODE } from "./operations/restart.ts";
import { ServiceManager } from "./operations/service-manager.ts";
import { Site } from "./site.ts";
import { type SiteSettings, STOP_MS_DEFAULT } from "./site-options.ts";
import type { SitePorts } from "./site-ports.ts";

/** Time for output to drain after a failure, ms. */
const END_MS_MAX = 500;

/** What a daemon stands on besides its site. */
export interface DaemonPorts extends SitePorts {
  /** Reads the settings again, on SIGHUP. Absent: they cannot have changed. */
  readonly reload?: ReadSettings;
  /** A sentence for each outdated setting, logged at the start. */
  readonly warnings?: readonly string[];
}

/**
 * Runs a site as the whole purpose of this process, until a signal, `/api/stop`, or a failure of its plane ends it.
 *
 * SIGINT and SIGTERM stop it in order, within a deadline; a second signal ends it at once. SIGUSR2 restarts it. SIGHUP
 * has it read its configuration again; when its terminal is closed, SIGHUP stops it. An unhandled rejection or exception
 * is a bug: it is logged, neighbours and viewers continue elsewhere, and the process ends with 1; a signal meanwhile ends
 * it at once.
 *
 * @param onUp called when the site has joined
 * @returns the exit code: 0 in order, 1 not in order or too late, 75 to be started again
 */
export async function runDaemon(
  settings: SiteSettings,
  onUp: (site: Site) => void,
  ports: DaemonPorts = {},
): Promise<number> {
  const clock = new SystemClock();
  const logGate = new LogGate(settings.log ?? "info");
  const log = gatedLog(openLog({ site: settings.name ?? "site", clock }), logGate);
  let site: Site | undefined;
  const farewell = new Farewell({
    ...{ clock, log, withinMs: settings.leaveMs ?? LIMITS.departureMs },
    leave: () => site?.leave(),
    exit: (code) => process.exit(code),
  });
  watchForBugs(farewell, () => site);

  const demo = supervisedDemo();
  const former = formerSelf();
  const manager = new ServiceManager({ env: process.env, pid: process.pid, clock, log });
  const { reload: read, warnings = [], ...sitePorts } = ports;
  for (const text of warnings) log.warn(text);
  const running = await Site.start(withPorts(settings, former?.ports), {
    ...{ clock, log, logGate, canRestart: true },
    ...(demo === undefined ? {} : { demo }),
    ...sitePorts,
  });
  site = running;
  const stopMs = settings.stopMs ?? STOP_MS_DEFAULT;
  const stop = stopperOf(running, { stopMs, clock, log });
  answerSignals(running, { settings, read, stop, manager, farewell, log });
  // A demo's site and a restarted one end with the process that started them.
  if (demo !== undefined) onceGone(() => stop("disconnect"));
  former?.onGone(() => stop("disconnect"));
  const note = noteLocalSite(running.local);
  process.once("exit", () => note.forget());
  onUp(running);
  demo?.tellUp(running.record);
  former?.tellUp();
  await manager.ready({
    status: () => statusOf(running),
    silenceMs: () => running.operations.monitor.silenceMs,
  });
  const error = await running.ended;
  // It was leaving because of an error, and has been stopped meanwhile, or has lost its plane.
  farewell.interrupt();
  manager[Symbol.dispose]();
  if (error !== undefined) {
    // The caller prints it; open handles do not keep the process alive.
    clock.after("end", END_MS_MAX, () => process.exit(1));
    throw error;
  }
  if (!running.operations.isRestarting) process.exit(0);
  const isWatched = manager.isPresent || demo !== undefined || former !== undefined;
  if (isWatched) process.exit(RESTART_CODE);
  const { http, udp, streams } = running.record;
  const taken = { http: http.port, udp: udp.port, streams: streams?.port ?? 0 };
  log.info("The site starts again.");
  process.exit(await becomeParent(taken, { clock, log }));
}

/** Unhandled rejections of agents are handled by their streams; all others are bugs. */
function watchForBugs(farewell: Farewell, site: () => Site | undefined): void {
  process.on("unhandledRejection", (reason) => {
    if (site()?.claimRejection(reason) === true) return;
    farewell.fault("A rejection was not handled; the site leaves, and ends.", reason);
  });
  process.on("uncaughtException", (error) => {
    farewell.fault("An exception was not handled; the site leaves, and ends.", error);
  });
}

/** A restarted site keeps its ports, also those that were chosen freely. */
function withPorts(
  settings: SiteSettings,
  ports: { readonly http: number; readonly udp: number; readonly streams: number } | undefined,
): SiteSettings {
  if (ports === undefined) return settings;
  const { http, udp, streams } = ports;
  return { ...settings, httpPort: http, udpPort: udp, streamPort: streams };
}

function stopperOf(
  site: Site,
  { stopMs, clock, log }: { readonly stopMs: number; readonly clock: Clock; readonly log: Log },
): (signal: string) => void {
  return (signal) => {
    log.info("Received a signal.", { signal });
    clock.after("stop deadline", stopMs, () => {
      log.error("The site did not stop in time; the process ends.", { ms: stopMs });
      process.exit(1);
    });
    void site.stop();
  };
}

function answerSignals(
  site: Site,
  daemon: {
    readonly settings: SiteSettings;
    readonly read: ReadSettings | undefined;
    readonly stop: (signal: string) => void;
    readonly manager: ServiceManager;
    readonly farewell: Farewell;
    readonly log: Log;
  },
): void {
  const { read, stop, manager, farewell, log } = daemon;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      if (farewell.interrupt()) return;
      process.once(signal, () => process.exit(130));
      void manager.stopping(`a ${signal} came`);
      stop(signal);
    });
  }
  process.on("SIGUSR2", () => {
    log.info("Received a signal.", { signal: "SIGUSR2" });
    void manager.stopping("it restarts");
    site.operations.requestRestart();
  });
  const isFromTerminal = process.stderr.isTTY === true;
  let { settings } = daemon;
  let work = Promise.resolve();
  process.on("SIGHUP", () => {
    if (isFromTerminal) return stop("SIGHUP");
    log.info("Received a signal.", { signal: "SIGHUP" });
    void site.reloadCertificate();
    if (read === undefined) return;
    work = work.then(() =>
      manager.reloading(async () => {
        settings = await reload(site, settings, read, log);
      }),
    );
  });
}

function onceGone(task: () => void): void {
  process.once("disconnect", task);
  if (!process.connected) task();
}

/** The status line for the service manager. */
async function statusOf({ operations }: Site): Promise<string> {
  const { status, reason, channels, subscribers, bitsIn, bitsOut } =
    await operations.currentStats();
  const state = reason === null ? status : `${status} (${reason})`;
  const flow = `${formatBitRate(bitsIn)} in, ${formatBitRate(bitsOut)} out`;
  return `${state}: ${channels.length} channels, ${subscribers} subscribers, ${flow}`;
}
