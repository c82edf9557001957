const DAY_MS = 86_400_000;
/** Days that are looked ahead: ten years. */
const DAYS = 3_653;

/**
 * How far a time zone is ahead of UTC, from `at` on, for ten years: confined code knows no zones.
 *
 * @param zone as the IANA database names it; `UTC`
 * @returns from when on, ms since 1970, it is so many minutes; to the minute, in order
 * @throws {RangeError} no zone has that name
 */
export function zoneOffsets(zone: string, at: number): [since: number, minutes: number][] {
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric" },
  });
  const minutesAt = (time: number): number => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, +value]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    const shown = Date.UTC(
      part("year"),
      part("month") - 1,
      part("day"),
      part("hour"),
      part("minute"),
    );
    return Math.round((shown - time) / 60_000);
  };
  const start = Math.floor(at / DAY_MS) * DAY_MS;
  let minutes = minutesAt(start);
  const offsets: [number, number][] = [[start, minutes]];
  for (let day = 1; day <= DAYS; day++) {
    const end = start + day * DAY_MS;
    const after = minutesAt(end);
    if (after === minutes) continue;
    let [low, high] = [end - DAY_MS, end];
    while (high - low > 60_000) {
      const middle = low + Math.floor((high - low) / 120_000) * 60_000;
      if (minutesAt(middle) === minutes) low = middle;
      else high = middle;
    }
    offsets.push([high, after]);
    minutes = after;
  }
  return offsets;
}
