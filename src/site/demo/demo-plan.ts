import { type RouteConfig, routeConfigSchema } from "../../session/index.ts";

/** The sites of the demo, in the order in which they start; the first leads. */
export const DEMO_SITES = ["origin", "north", "middle", "south"] as const;

export const DEMO_CHANNELS = { clip: "udp", news: "tcp" } as const;

/** The source of each relay. Ways around one that fails are learned. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  north: ["origin"],
  middle: ["north"],
  south: ["middle"],
};

/**
 * The routes of a site of the demo: video over UDP, text over TCP, in a chain.
 */
export function demoRoutes(site: string): RouteConfig {
  const from = ROUTES[site];
  if (from === undefined) return routeConfigSchema.parse({});
  const channels = Object.entries(DEMO_CHANNELS).map(([name, stack]) => [
    name,
    { input: { from, stack, keep: true } },
  ]);
  return routeConfigSchema.parse({ upstreams: from, channels: Object.fromEntries(channels) });
}
