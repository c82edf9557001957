import type { ChannelStall } from "../wire/index.ts";

/** A stalled channel in words: where it does not arrive, why, and what is tried. */
export function describeStall({
  reason,
  site,
  trying,
}: Pick<ChannelStall, "reason" | "trying"> & { readonly site: string }): string {
  const tries = trying.length === 0 ? "" : `; it tries ${trying.join(", ")}`;
  return `the channel does not arrive at ${site}: ${reason}${tries}`;
}
