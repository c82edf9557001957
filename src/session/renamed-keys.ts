/** Former names of keys, which are still read. */
const RENAMED: Readonly<Record<string, string>> = { connection: "stack" };

/** Whether a key of a configuration once had that name. */
export function isFormerKey(name: string): boolean {
  return Object.hasOwn(RENAMED, name);
}

/**
 * A configuration with former key names replaced by those of today: `connection` is now `stack`. A former name beside
 * the present one stays, and is refused as unknown.
 *
 * @param given any value; never modified
 * @param warn called for each former name with its path, `["channels", "clip", "input", "connection"]`, and the present
 *   name
 */
export function renameKeys(
  given: unknown,
  warn: (path: readonly string[], name: string) => void,
): unknown {
  if (!isObject(given)) return given;
  const routes = renamed(given, [], warn);
  if (!isObject(routes["channels"])) return routes;
  const channels = Object.entries(routes["channels"]).map(([name, channel]) => {
    if (!isObject(channel) || !isObject(channel["input"])) return [name, channel];
    const input = renamed(channel["input"], ["channels", name, "input"], warn);
    return [name, { ...channel, input }];
  });
  return { ...routes, channels: Object.fromEntries(channels) };
}

function renamed(
  holder: Readonly<Record<string, unknown>>,
  path: readonly string[],
  warn: (path: readonly string[], name: string) => void,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(holder).map(([key, value]) => {
    const name = isFormerKey(key) ? RENAMED[key] : undefined;
    if (name === undefined || Object.hasOwn(holder, name)) return [key, value];
    warn([...path, key], name);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
