import { MeanderError } from "../base/index.ts";
import { jsonFaultAt } from "./json-fault.ts";
import {
  type ChannelConfig,
  type InputConfig,
  type RecordConfig,
  type RouteConfig,
  routeConfigSchema,
} from "./model.ts";
import { nearestWord } from "./nearest-word.ts";
import { describeIssue } from "./zod-issue.ts";

// Written as records so that the compiler finds a key that is missing here.
const ROUTE_KEYS: Record<keyof RouteConfig, true> = {
  upstreams: true,
  connection: true,
  channels: true,
  maxSubscribers: true,
  maxBitsPerSecond: true,
};
const CHANNEL_KEYS: Record<keyof ChannelConfig, true> = {
  input: true,
  record: true,
  maxSubscribers: true,
  maxBitsPerSecond: true,
  silenceMs: true,
  maxPublishers: true,
  historyBytes: true,
};
const INPUT_KEYS: Record<keyof InputConfig, true> = { from: true, connection: true, keep: true };
const RECORD_KEYS: Record<keyof RecordConfig, true> = {
  to: true,
  segmentSeconds: true,
  keepSegments: true,
  maxBytes: true,
  onError: true,
};

/**
 * Reads a route configuration and fills in its defaults.
 *
 * @param input the configuration, or its JSON text
 * @param where named in errors before the faulty part: `demo.json`
 * @throws {MeanderError} `config-invalid`: `demo.json: channels.clip.input.from[0]: got "North"; expected …`
 */
export function parseRouteConfig(input: unknown, where: string): RouteConfig {
  const value = typeof input === "string" ? parseJson(input, where) : input;
  const parsed = routeConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, what, expected, unknownKey } = describeIssue(parsed.error, value);
  const place = path === "" ? where : `${where}: ${path}`;
  if (unknownKey === undefined) {
    throw new MeanderError("config-invalid", what, {
      where: place,
      ...(expected === undefined ? {} : { expected }),
    });
  }
  const known = keysOf(unknownKey.holder);
  const meant = nearestWord(unknownKey.key, known);
  throw new MeanderError("config-invalid", what, {
    where: place,
    expected: known.join(", "),
    next: meant === undefined ? "correct or remove it" : `did you mean ${JSON.stringify(meant)}?`,
  });
}

/** Keys that the object at `path` of a configuration may have. */
function keysOf(path: readonly PropertyKey[]): string[] {
  const inner = path.at(-1) === "record" ? RECORD_KEYS : INPUT_KEYS;
  return Object.keys([ROUTE_KEYS, ROUTE_KEYS, CHANNEL_KEYS, inner][path.length] ?? {});
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = `${where}: ${lineAndColumn(text, jsonFaultAt(text) ?? 0)}`;
    throw new MeanderError("config-invalid", "it is not JSON", {
      where: place,
      expected: "an object in JSON",
      cause,
    });
  }
}

function lineAndColumn(text: string, position: number): string {
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
