import { readFile, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { type Clock, LIMITS } from "../../base/index.ts";
import type { GroupSending, OutputPorts } from "../../client/contract/index.ts";
import type { IngestTrack } from "../plane-control.ts";
import type { PublishRequest } from "../site-service.ts";

/** The file is the site's own, and read by the same version: its parts are checked where they are used. */
const handoverSchema = z.object({
  /** Wall clock, ms. */
  at: z.number(),
  inputs: z
    .array(
      z.object({
        request: z.looseObject({ channel: z.string(), input: z.string() }),
        tracks: z.array(z.looseObject({ codec: z.string(), port: z.number() })).max(64),
      }),
    )
    .max(LIMITS.channelsMax),
  outputs: z
    .array(
      z.object({
        channel: z.string(),
        host: z.string(),
        ports: z.looseObject({}),
        sending: z.looseObject({}).optional(),
      }),
    )
    .max(LIMITS.subscribersDefault),
});

/** An input as it was opened, with the ports that were assigned. */
export interface HandedInput {
  readonly request: PublishRequest;
  readonly tracks: readonly IngestTrack[];
}

/** An output to a plain RTP receiver. */
export interface HandedOutput {
  readonly channel: string;
  readonly host: string;
  readonly ports: OutputPorts;
  readonly sending?: GroupSending | undefined;
}

/** What a restarting site leaves to its next run: what was opened through its API, and is in no configuration. */
export interface Handover {
  readonly inputs: readonly HandedInput[];
  readonly outputs: readonly HandedOutput[];
}

/** An older handover is ignored, ms: the site was started later, for another reason. */
const AGE_MS_MAX = 120_000;

/** Writes it to a file. @throws what the file system does */
export async function leaveHandover(
  path: string,
  { inputs, outputs }: Handover,
  clock: Clock,
): Promise<void> {
  await writeFile(path, JSON.stringify({ at: clock.wall(), inputs, outputs }), { mode: 0o600 });
}

/** Reads and removes it. Undefined: there is none, or it is too old. @throws {Error} what is wrong with the file */
export async function takeHandover(path: string, clock: Clock): Promise<Handover | undefined> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch {
    return undefined;
  }
  await rm(path, { force: true });
  const { at, ...handover } = handoverSchema.parse(JSON.parse(content));
  return Math.abs(clock.wall() - at) > AGE_MS_MAX ? undefined : (handover as unknown as Handover);
}
