import { SystemClock } from "../../base/index.ts";
import { openBlockingFile } from "../../media/index.ts";
import type { RecordEvent } from "../contract/recording.ts";
import { SiteClient, type SiteCredentials } from "../index.ts";
import { watchChannel } from "../watch/index.ts";
import { ChannelRecorder } from "./channel-recorder.ts";

/** How to record a channel. */
export interface RecordSettings extends SiteCredentials {
  /** Path of the file, or of the files, with `{channel}`, `{time}`, `{number}`; `.webm`, `.mkv`, `.mp4` or `.mov`. */
  readonly to: string;
  /** A file ends at the first key frame after this, s. Undefined: one file, until something changes. */
  readonly segmentSeconds?: number | undefined;
  /** Ends after so much, s. */
  readonly durationSeconds?: number | undefined;
  /** Ends when the channel's publisher has ended (no: it waits for the next one). */
  readonly untilEnd?: boolean | undefined;
}

/**
 * Records a channel from the site at that address; when the site is lost, it continues at another of the session. It
 * writes
 * synchronously, so it is for processes that do nothing else.
 *
 * @throws {MeanderError} `recording-…`, `channel-unknown`, `site-unreachable`
 */
export async function recordChannel(
  site: string,
  channel: string,
  settings: RecordSettings,
  onEvent: (event: RecordEvent) => void,
): Promise<ChannelRecorder> {
  const { to, segmentSeconds, durationSeconds, untilEnd = false } = settings;
  const credentials = { token: settings.token, trust: settings.trust };
  const clock = new SystemClock();
  const recorder = new ChannelRecorder(
    {
      ...{ channel, to, segmentSeconds, durationSeconds, untilEnd },
      unattended: false,
      keepSegments: undefined,
      maxBytes: undefined,
      onError: "stop",
    },
    {
      clock,
      openFile: openBlockingFile,
      watch: (events) =>
        watchChannel(site, channel, events, {
          ...{ name: `recorder ${process.pid}`, clock },
          ...credentials,
        }),
      onEvent,
    },
  );
  await new SiteClient(site, credentials).channel(channel);
  await recorder.start();
  return recorder;
}
