/** Round numbers for axes. */

/** Steps of an axis, at least. */
const STEPS_MIN = 4;
const NICE = [1, 2, 2.5, 5, 10] as const;

/** A round number at or above all of them, and above 0. */
export function axisMaximum(values: readonly number[]): number {
  const most = Math.max(0, ...values.filter(Number.isFinite));
  if (most === 0) return 1;
  const step = stepOf(most);
  return Math.ceil(most / step - 1e-9) * step;
}

/** Round numbers from `from` to `to`, in equal steps. */
export function axisSteps(from: number, to: number): number[] {
  const step = stepOf(to - from);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** A number with few letters: `1.2M`, `350k`, `0.95`. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${short(value / 1e6)}M`;
  if (size >= 1e4) return `${short(value / 1e3)}k`;
  return short(value);
}

function short(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

/** A round step that divides `span` into at least {@link STEPS_MIN} parts. */
function stepOf(span: number): number {
  if (!(span > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(span / STEPS_MIN));
  const factor = NICE.findLast((each) => each * power <= span / STEPS_MIN + 1e-9 * span) ?? 1;
  return factor * power;
}
