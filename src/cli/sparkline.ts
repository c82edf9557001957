const BARS = "▁▂▃▄▅▆▇█";

/**
 * Values as a line of bars, oldest left, from 0 to the largest; a gap where there is none.
 *
 * @param width characters; more values than that are put together, the largest of each group counts
 */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const groups = grouped(values, width);
  const top = Math.max(...groups.map((each) => each ?? 0));
  return groups
    .map((each) => {
      if (each === null) return " ";
      const level = top <= 0 ? 0 : Math.round((Math.max(0, each) / top) * (BARS.length - 1));
      // Something is never drawn as nothing.
      return BARS[each > 0 ? Math.max(1, level) : 0] as string;
    })
    .join("");
}

function grouped(values: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, index) => {
    const from = Math.floor((index * values.length) / width);
    const to = Math.floor(((index + 1) * values.length) / width);
    const known = values.slice(from, to).filter((each) => each !== null);
    return known.length === 0 ? null : Math.max(...known);
  });
}
