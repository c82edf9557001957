/**
 * The daemon: everything below it composed into a running site, and its HTTP API from both sides.
 *
 * @module
 */
export { runDaemon } from "./daemon.ts";
export { DEMO_CHANNELS, DEMO_SITES } from "./demo/demo-plan.ts";
export { type DemoOptions, type DemoSite, DemoSupervisor } from "./demo/supervisor.ts";
export { type Check, runChecks } from "./doctor/checks.ts";
export { packageRoot, packageVersion } from "./package-root.ts";
export type { Publication, PublishOptions } from "./publish/publication.ts";
export { publishFfmpeg } from "./publish/publish-ffmpeg.ts";
export { publishFile } from "./publish/publish-file.ts";
export { publishLines } from "./publish/publish-lines.ts";
export { publishSdpFile } from "./publish/publish-sdp.ts";
export { Site, type SitePorts } from "./site.ts";
export { type PublishSettings, SiteClient, type SiteView } from "./site-client.ts";
export { checkSettings, type LogLevel, parseConfigFile, type SiteOptions, type SiteSettings } from "./site-options.ts";
export type {
  ChannelView,
  DemoAction,
  DemoControl,
  HealthView,
  OutputPorts,
  PublishAnswer,
  PublishRequest,
  SessionView,
  SiteService,
} from "./site-service.ts";
export { startSite } from "./start-site.ts";
export { type WatchEvents, type WatchOptions, watchChannel } from "./watch-channel.ts";
