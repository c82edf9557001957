import { resolve } from "node:path";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { RecordRequest } from "../../client/contract/index.ts";
import { FilePattern, pathBelow } from "../../client/record/index.ts";
import { containerOf } from "../../media/index.ts";
import type { RecordConfig, RouteConfig } from "../../session/index.ts";

/** The recordings that a configuration names, by channel, and those that cannot be made. */
export function recordRequests(
  routes: RouteConfig,
  folder: string,
): {
  readonly requests: ReadonlyMap<string, RecordRequest>;
  readonly refused: readonly { readonly channel: string; readonly reason: string }[];
} {
  const requests = new Map<string, RecordRequest>();
  const refused: { readonly channel: string; readonly reason: string }[] = [];
  for (const [channel, { record }] of Object.entries(routes.channels)) {
    if (record === undefined) continue;
    try {
      requests.set(channel, requestOf(channel, record, folder));
    } catch (error) {
      refused.push({ channel, reason: messageOf(error) });
    }
  }
  return { requests, refused };
}

/**
 * Checks whether all recordings of a configuration can be made at a site.
 *
 * @param folder of the site's recordings
 * @throws {MeanderError} `config-invalid`
 */
export function checkRecordings(routes: RouteConfig, folder: string): void {
  for (const [channel, { record }] of Object.entries(routes.channels)) {
    if (record === undefined) continue;
    try {
      requestOf(channel, record, folder);
    } catch (error) {
      if (!(error instanceof MeanderError)) throw error;
      const { what, expected, next } = error;
      throw new MeanderError("config-invalid", what, {
        where: whereOf(channel),
        ...(expected === undefined ? {} : { expected }),
        ...(next === undefined ? {} : { next }),
        cause: error,
      });
    }
  }
}

/** @throws {MeanderError} `recording-path`, `recording-format` */
function requestOf(channel: string, record: RecordConfig, folder: string): RecordRequest {
  const where = whereOf(channel);
  const { segmentSeconds, keepSegments, maxBytes, onError } = record;
  containerOf(record.to, where);
  // An invalid pattern is refused now, not when its first file is due.
  const to = pathBelow(folder, record.to, where);
  new FilePattern(to, channel, where);
  return {
    channel,
    to,
    below: resolve(folder),
    unattended: true,
    segmentSeconds,
    durationSeconds: undefined,
    untilEnd: false,
    keepSegments,
    maxBytes,
    onError,
  };
}

function whereOf(channel: string): string {
  return `channels.${channel}.record.to`;
}
