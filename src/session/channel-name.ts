import { describeName, MeanderError } from "../base/index.ts";
import { channelNameSchema } from "./model.ts";

/** @throws {MeanderError} `channel-invalid` */
export function checkChannelName(name: string): void {
  if (channelNameSchema.safeParse(name).success) return;
  throw new MeanderError("channel-invalid", "not a valid channel name", {
    where: JSON.stringify(name.slice(0, 120)),
    expected: describeName("channel"),
  });
}
