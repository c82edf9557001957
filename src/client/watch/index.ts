/**
 * Watching channels from outside.
 *
 * @module
 */
export { type WatchEvents, type WatchOptions, watchChannel } from "./watch-channel.ts";
