import { Site } from "./site.ts";
import type { SiteSettings } from "./site-options.ts";
import type { SitePorts } from "./site-ports.ts";

/**
 * Starts a site in this process; its media sockets live in a thread of their own.
 *
 * @param settings `name` is required; without `join` the site leads a session of its own. See `SiteOptions` for the
 *   rest.
 * @throws {MeanderError} what `Site.start` throws
 */
export function startSite(settings: SiteSettings, ports: SitePorts = {}): Promise<Site> {
  return Site.start(settings, ports);
}
