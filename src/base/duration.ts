const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** What {@link parseDuration} takes, for messages. */
export const DURATION_EXPECTED = "a duration such as 30s, 10m, 1h or 7d";

/** `500ms`, `30s`, `1.5h`: a number and a unit. Undefined for anything else. The answer is in ms. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  const [, number = "", unit = ""] = match ?? [];
  return match === null ? undefined : Number(number) * (UNITS_MS[unit] as number);
}

/** `90s` as `90s`, `600000` as `10m`: the largest unit that leaves a whole number. @param ms whole, >= 0 */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS_MS).reverse();
  const [unit, size] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}
