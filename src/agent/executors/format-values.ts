import { LIMITS } from "../../base/index.ts";
import { ShownValues } from "./shown-value.ts";

/**
 * Values as one text, like `console.log`: the first may have places for the others (`%s`, `%d`, `%i`, `%f`, `%j`, `%o`,
 * `%O`, `%c`). Bounded, and runs no code of their author (see {@link ShownValues}).
 */
export function formatValues(values: readonly unknown[]): string {
  const shown = new ShownValues(LIMITS.handlerTextCharactersMax);
  const [first] = values;
  let next = 1;
  const parts: string[] = [];
  if (typeof first === "string") {
    const text = first.slice(0, LIMITS.handlerTextCharactersMax);
    parts.push(
      values.length === 1
        ? shown.text(first)
        : text.replaceAll(/%[sdifjoOc%]/g, (place) => {
            if (place === "%%") return "%";
            if (next >= values.length) return place;
            return placed(shown, place, values[next++]);
          }),
    );
  } else next = 0;
  for (const value of values.slice(next, next + VALUES_MAX))
    parts.push(typeof value === "string" ? shown.text(value) : shown.value(value));
  return parts.join(" ");
}

/** Values of one line; each takes its time even when nothing is left of the characters. */
const VALUES_MAX = 1_000;

function placed(shown: ShownValues, place: string, value: unknown): string {
  switch (place) {
    case "%s":
      return typeof value === "string" ? shown.text(value) : shown.value(value);
    case "%d":
    case "%i":
    case "%f":
      return shown.text(numberText(place, value));
    case "%c":
      return "";
    default:
      return shown.value(value);
  }
}

/** Only of what is a number, or a text of one: of an object it would be for the object to say. */
function numberText(place: string, value: unknown): string {
  if (typeof value === "bigint") return `${BigInt.asIntN(64, value)}n`;
  if (typeof value !== "number" && typeof value !== "string") return "NaN";
  if (place === "%i") return String(Number.parseInt(String(value).slice(0, 100), 10));
  if (place === "%f") return String(Number.parseFloat(String(value).slice(0, 100)));
  return String(Number(value));
}
