import { MeanderError } from "../../base/index.ts";
import type { Right, TokenRights } from "../../session/index.ts";

/** A token, as it is asked for. */
export interface AskedToken extends TokenRights {
  readonly can: readonly Right[];
  readonly expiresInMs: number;
}

/** What `join` and `administer` need. */
export const NO_SCOPE = { channels: [], streams: [], sites: [] } as const;

/** @throws {MeanderError} `request-invalid` when a right would be for nothing */
export function checkScopes({ can, channels, streams, sites }: AskedToken): void {
  if (can.includes("administer")) return;
  const has = (...rights: Right[]): boolean => rights.some((right) => can.includes(right));
  if (has("watch", "publish") && channels.length === 0)
    throw forNothing("channel", "channels", "news, sports/* or *");
  if (has("shell", "code") && streams.length === 0)
    throw forNothing("stream", "streams", "radio-* or *");
  if (has("shell", "code") && sites.length === 0) throw forNothing("site", "sites", "north or *");
  if (has("policy") && streams.length === 0 && sites.length === 0)
    throw forNothing("stream and no site", "streams", "radio-* or *");
}

function forNothing(what: string, where: string, such: string): MeanderError {
  return new MeanderError("request-invalid", `the token would be valid for no ${what}`, {
    where,
    expected: `patterns such as ${such}`,
  });
}
