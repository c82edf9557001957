import { MeanderError } from "../base/index.ts";
import { familyOfGroup, findInterface } from "../transport/index.ts";

/** Bound to one of these, a site listens on all interfaces. */
const ANY = new Set(["0.0.0.0", "::"]);

/**
 * The interface on which a site uses a group: the requested one, or the one that the site listens on; undefined: the
 * system chooses. A site that is not open to other machines is limited to loopback interfaces.
 *
 * @param site.host what it listens on
 * @throws {MeanderError} `multicast-refused`, `interface-unknown`, `open-required`
 */
export function multicastInterface(
  group: string,
  wanted: string | undefined,
  site: { readonly host: string; readonly open: boolean },
): string | undefined {
  const family = familyOfGroup(group);
  const chosen = wanted ?? (ANY.has(site.host) ? undefined : site.host);
  const found = chosen === undefined ? undefined : findInterface(chosen, family);
  if (site.open || found?.internal === true) return chosen;
  throw new MeanderError("open-required", "this site is limited to its own machine", {
    where: `group ${group}${chosen === undefined ? "" : `, interface ${chosen}`}`,
    expected: "an interface of this machine alone",
    next: "start the site with --open HOST to let it use other interfaces",
  });
}
