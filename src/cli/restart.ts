import type { Command } from "commander";
import { type Clock, delay, MeanderError, SystemClock } from "../base/index.ts";
import type { SiteClient } from "../client/index.ts";
import type { SiteRecord } from "../session/index.ts";
import { durationOf, type SiteArguments, withSite } from "./arguments.ts";
import { siteNamed } from "./site-named.ts";
import { openTerminal } from "./terminal.ts";

const POLL_MS = 100;

/** `meander restart` */
export function addRestart(program: Command): void {
  withSite(
    program
      .command("restart")
      .description(
        "restart a site in order: its viewers and downstream sites continue elsewhere first",
      )
      .argument("<name>", "the site")
      .option("--timeout <time>", "time to come back", "45s"),
  ).action(async (name: string, options: SiteArguments & { readonly timeout: string }) => {
    const terminal = openTerminal(options.json === true);
    const timeoutMs = durationOf(options.timeout, "--timeout");
    const clock = new SystemClock();
    const { record, client } = await siteNamed(options, name);
    const startedAt = clock.now();
    await client.restart();
    terminal.progress(`${name} restarts…`);
    const again = await comeBack(client, record, clock, timeoutMs);
    const ms = Math.round(clock.now() - startedAt);
    terminal.show(
      { site: name, pid: again.pid, instance: again.instance, ms },
      () => `${name} is back after ${(ms / 1000).toFixed(1)} s, pid ${again.pid}`,
    );
  });
}

/** Waits until another start of the site answers, and knows its session. @throws {MeanderError} `restart-failed` */
async function comeBack(
  client: SiteClient,
  before: SiteRecord,
  clock: Clock,
  timeoutMs: number,
): Promise<SiteRecord> {
  const deadline = clock.now() + timeoutMs;
  while (clock.now() < deadline) {
    await delay(clock, "restart", POLL_MS);
    const view = await client.site().catch(() => undefined);
    if (view === undefined || view.site.instance === before.instance) continue;
    if (view.site.name === before.name) return view.site;
    throw new MeanderError("restart-failed", `${view.site.name} answers at its address`, {
      where: client.url,
      next: `see the log of ${before.name}`,
    });
  }
  throw new MeanderError("restart-failed", `${before.name} did not come back in time`, {
    where: client.url,
    next: `see its log, or give it longer with --timeout`,
  });
}
