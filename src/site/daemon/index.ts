/**
 * What a process needs that is a site and nothing else: the part of `site/index.ts` that `meander site` loads.
 *
 * @module
 */
export { runDaemon } from "../daemon.ts";
export { checkSettings, parseConfigFile } from "../site-options.ts";
