/**
 * What runs the streams of a site, on ports: the live site and the simulator give the same parts different ones. Real
 * sockets are in `frames`, records on disk in `records`.
 *
 * @module
 */
export { judgeOnce, PolicyAgents, type PolicyAgentsPorts } from "./policy-agents.ts";
export type { PingHandler, SiteAdmission } from "./ports.ts";
export { SelfDelivery } from "./self-delivery.ts";
export type { Resumption } from "./site-halt.ts";
export { SiteStreams, type SiteStreamsOptions } from "./site-streams.ts";
export { viewOf } from "./stream-views.ts";
