import type { ChannelInputs } from "../inputs/channel-inputs.ts";
import type { DataIngestOptions } from "./data/data-options.ts";
import { openDataIngest } from "./data/open-data-ingest.ts";
import type { IngestDoorPorts, OpenDoor, OpenIngest } from "./ingest-door.ts";
import { openRtpIngest } from "./rtp/open-rtp-ingest.ts";
import type { RtpIngestOptions } from "./rtp/rtp-options.ts";

/** An input to open, by its door. */
export type IngestOptions = RtpIngestOptions | DataIngestOptions;

/** All doors through which media enters. A new protocol adds a folder beside this file and a line here. */
const INGEST_DOORS: {
  readonly [Name in IngestOptions["door"]]: OpenDoor<Extract<IngestOptions, { door: Name }>>;
} = {
  rtp: openRtpIngest,
  data: openDataIngest,
};

/** Opens an input at the door that its options name. @throws {MeanderError} see {@link OpenDoor} */
export function openIngest(
  options: IngestOptions,
  inputs: ChannelInputs,
  ports: IngestDoorPorts,
): Promise<OpenIngest> {
  const open = INGEST_DOORS[options.door] as OpenDoor<IngestOptions>;
  return open(options, inputs, ports);
}
