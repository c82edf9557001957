/**
 * A circle among those from whom sites receive a channel, first site twice; undefined: there is none.
 *
 * @param paths the sites that the channel passes on its way to each site, that one last
 */
export function circleAmong(
  paths: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const done = new Set<string>();
  for (const start of paths.keys()) {
    const seen = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !seen.has(at) && !done.has(at)) {
      seen.add(at);
      at = paths.get(at)?.at(-2);
    }
    if (at !== undefined && seen.has(at)) return [...seen, at];
    for (const each of seen) done.add(each);
  }
  return undefined;
}
