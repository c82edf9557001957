import { MeanderError } from "../base/index.ts";
import { completeStack } from "../stack/index.ts";
import { forbiddenKeyIn } from "./forbidden-keys.ts";
import { parseJson } from "./json-fault.ts";
import {
  type ChannelConfig,
  type InputConfig,
  type RecordConfig,
  type RouteConfig,
  routeConfigSchema,
} from "./model.ts";
import { nearestWord } from "./nearest-word.ts";
import { isFormerKey, renameKeys } from "./renamed-keys.ts";
import { describeIssue, formatPath } from "./zod-issue.ts";

// Written as records so that the compiler finds a key that is missing here.
const ROUTE_KEYS: Record<keyof RouteConfig, true> = {
  upstreams: true,
  stack: true,
  channels: true,
  maxSubscribers: true,
  maxBitsPerSecond: true,
  reshaping: true,
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
const INPUT_KEYS: Record<keyof InputConfig, true> = { from: true, stack: true, keep: true };
const RECORD_KEYS: Record<keyof RecordConfig, true> = {
  to: true,
  segmentSeconds: true,
  keepSegments: true,
  maxBytes: true,
  onError: true,
};

/** Whether a {@link RouteConfig} has a key of that name, or had one. */
export function isRouteKey(name: string): boolean {
  return Object.hasOwn(ROUTE_KEYS, name) || isFormerKey(name);
}

/**
 * Reads a route configuration, fills in its defaults, and checks its stacks. The only reader of configurations: those
 * of files, of the HTTP API and of the directory pass here.
 *
 * @param input the configuration, or its JSON text
 * @param where prefix of the path in errors: `demo.json`
 * @param warn called, with a sentence, for each key that is read by its former name
 * @throws {MeanderError} `config-invalid`: `demo.json: channels.clip.input.from[0]: got "North"; expected …`
 */
export function parseRouteConfig(
  input: unknown,
  where: string,
  warn: (text: string) => void = () => {},
): RouteConfig {
  const given = typeof input === "string" ? parseJson(input, where, "an object in JSON") : input;
  const forbidden = forbiddenKeyIn(given);
  if (forbidden !== undefined) {
    throw new MeanderError("config-invalid", "no configuration has a key of that name", {
      where: `${where}: ${formatPath(forbidden)}`,
      next: "remove it; a channel needs another name",
    });
  }
  const value = renameKeys(given, (path, name) => {
    warn(`${where}: ${formatPath(path)}: the key is now called ${JSON.stringify(name)}; rename it`);
  });
  const parsed = routeConfigSchema.safeParse(value);
  if (parsed.success) {
    checkStacks(parsed.data, where);
    return parsed.data;
  }
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

/** @throws {MeanderError} `config-invalid` for a stack that cannot be composed */
function checkStacks({ stack, channels }: RouteConfig, where: string): void {
  checkStack(stack, `${where}: stack`);
  for (const [name, { input }] of Object.entries(channels)) {
    if (input === undefined) continue;
    checkStack(input.stack, `${where}: ${formatPath(["channels", name, "input", "stack"])}`);
  }
}

function checkStack(text: string, where: string): void {
  try {
    completeStack(text);
  } catch (cause) {
    if (!(cause instanceof MeanderError)) throw cause;
    const place = cause.where === undefined ? "" : `, ${cause.where}`;
    throw new MeanderError("config-invalid", cause.what, {
      where: `${where}: ${JSON.stringify(text)}${place}`,
      expected: cause.expected ?? "udp, multicast, tcp, websocket or a stack",
      cause,
    });
  }
}

/** Keys that the object at `path` of a configuration may have. */
function keysOf(path: readonly PropertyKey[]): string[] {
  const inner = path.at(-1) === "record" ? RECORD_KEYS : INPUT_KEYS;
  return Object.keys([ROUTE_KEYS, ROUTE_KEYS, CHANNEL_KEYS, inner][path.length] ?? {});
}
