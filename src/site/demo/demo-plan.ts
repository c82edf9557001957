import { type RouteConfig, routeConfigSchema } from "../../session/index.ts";

/** The sites of the demo, in the order in which they start; the first leads. */
export const DEMO_SITES = ["origin", "north", "middle", "south"] as const;

export const DEMO_CHANNELS = { clip: "udp", news: "tcp" } as const;

/** Upstreams of each relay, best first. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  north: ["origin"],
  middle: ["north", "origin"],
  south: ["middle", "north", "origin"],
};

/**
 * The routes of a site of the demo: video over UDP, text over TCP, in a chain with an alternative around each relay.
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
