/**
 * The demo: a leader and three relays as processes, with the media they relay.
 *
 * @module
 */
export { DEMO_CHANNELS, DEMO_SITES } from "./demo-plan.ts";
export { type DemoOptions, type DemoSite, DemoSupervisor } from "./supervisor.ts";
