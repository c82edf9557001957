import { type Log, messageOf } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";
import type { RouteConfig } from "../../session/index.ts";
import type { SiteSettings } from "../site-options.ts";

/** Reads the settings of a site. `warn` is called with a sentence for each outdated setting. */
export type ReadSettings = (warn: (text: string) => void) => Promise<SiteSettings>;

/** What a reload changes. */
export interface ReloadTarget {
  setRoutes(routes: RouteConfig): Promise<unknown>;
  readonly operations: { readonly logLevels: { set(level: LogLevel): Promise<unknown> } };
}

/** Settings that apply to a running site; the others are for its next start. */
const LIVE: ReadonlySet<string> = new Set(["routes", "log"]);

/**
 * Reads the settings again and applies what can be applied: routes, and the level of the log. An invalid file changes
 * nothing. Never rejects.
 *
 * @returns the settings in force
 */
export async function reload(
  site: ReloadTarget,
  before: SiteSettings,
  read: ReadSettings,
  log: Log,
): Promise<SiteSettings> {
  try {
    const settings = await read((text) => log.warn(text));
    const changed = changedKeys(before, settings);
    if (changed.includes("routes") && settings.routes !== undefined) {
      await site.setRoutes(settings.routes);
    }
    if (changed.includes("log")) await site.operations.logLevels.set(settings.log ?? "info");
    const waiting = changed.filter((key) => !LIVE.has(key));
    log.info("The configuration was read again.", { changed });
    if (waiting.length > 0) {
      log.warn("Some settings apply from the next start on.", {
        settings: waiting,
        next: "restart the site",
      });
    }
    return settings;
  } catch (error) {
    log.error("The configuration was refused; the previous one stays in force.", {
      error: messageOf(error),
    });
    return before;
  }
}

function changedKeys(before: SiteSettings, after: SiteSettings): readonly string[] {
  const [old, fresh] = [before, after].map(
    (each) => new Map<string, unknown>(Object.entries(each)),
  );
  const keys = new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])]);
  return [...keys]
    .filter((key) => JSON.stringify(old?.get(key)) !== JSON.stringify(fresh?.get(key)))
    .sort();
}
