import { SystemClock } from "../base/index.ts";
import { supervisedDemo } from "./demo/demo-link.ts";
import { openLog } from "./observe/pino-log.ts";
import { Site, type SitePorts } from "./site.ts";
import type { SiteSettings } from "./site-options.ts";

/** How long a site may take to stop after a signal, ms; then the process ends. */
const STOP_MS_MAX = 10_000;
/** The same after a failure, ms. */
const END_MS_MAX = 500;

/**
 * Runs a site as the whole purpose of this process, until a signal, `/api/stop`, or a failure of its plane ends it.
 *
 * SIGINT and SIGTERM stop it in order, within a deadline; a second signal ends it at once. A rejection or exception that
 * nobody handled is a bug: it is logged and the process ends with 1.
 *
 * @param onUp called when the site has joined
 * @returns the exit code
 */
export async function runDaemon(
  settings: SiteSettings,
  onUp: (site: Site) => void,
  ports: SitePorts = {},
): Promise<number> {
  const clock = new SystemClock();
  const log = openLog({ level: settings.log ?? "info", site: settings.name ?? "site" });
  const bug = (what: string) => (thrown: unknown) => {
    log.error(what, { error: thrown instanceof Error ? thrown.stack : String(thrown) });
    process.exit(1);
  };
  const rejected = bug("Nobody handled a rejection; the site ends.");
  let site: Site | undefined;
  process.on("unhandledRejection", (reason) => {
    if (site?.claimRejection(reason) !== true) rejected(reason);
  });
  process.on("uncaughtException", bug("Nobody handled an exception; the site ends."));

  const demo = supervisedDemo();
  const running = await Site.start(settings, {
    clock,
    log,
    ...(demo === undefined ? {} : { demo }),
    ...ports,
  });
  site = running;
  const stop = (signal: string): void => {
    log.info("A signal came.", { signal });
    clock.after("stop deadline", STOP_MS_MAX, () => {
      log.error("The site did not stop in time.", { ms: STOP_MS_MAX });
      process.exit(1);
    });
    void running.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(130));
      stop(signal);
    });
  }
  // A demo's site does not outlive the process that started it.
  if (demo !== undefined) {
    process.once("disconnect", () => stop("disconnect"));
    if (!process.connected) stop("disconnect");
  }
  onUp(running);
  demo?.tellUp(running.record);
  const error = await running.ended;
  if (error === undefined) process.exit(0);
  // Whoever called prints it; nothing that is still open keeps the process longer.
  clock.after("end", END_MS_MAX, () => process.exit(1));
  throw error;
}
