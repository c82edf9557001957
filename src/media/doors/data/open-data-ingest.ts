import type { ChannelInputs } from "../../inputs/channel-inputs.ts";
import type { IngestDoorPorts, OpenIngest } from "../ingest-door.ts";
import { DataIngest } from "./data-ingest.ts";
import type { DataIngestOptions } from "./data-options.ts";

/** Opens a channel for messages, beside its media. @throws {MeanderError} `publisher-exists` */
export async function openDataIngest(
  { channel, input }: DataIngestOptions,
  inputs: ChannelInputs,
  { clock, random }: IngestDoorPorts,
): Promise<OpenIngest> {
  const about = { name: input, kind: "data", stack: "http", senders: "HTTP" } as const;
  const ingest = inputs.add(
    { ...about, isRedundant: false },
    (sink) => new DataIngest({ name: channel, sink, clock, random }),
  );
  return {
    ports: { tracks: [] },
    publishMessage: (contentType, bytes) => ingest.publish(contentType, bytes),
    async close(reason = "closed") {
      inputs.remove(input, reason);
    },
  };
}
