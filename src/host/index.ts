/**
 * The mobile streams of a site, on ports: the live site and the simulator put the same parts on different ones.
 *
 * @module
 */
export { SelfDelivery } from "./self-delivery.ts";
export { SiteStreams, type SiteStreamsOptions } from "./site-streams.ts";
