/**
 * Charts as SVG, for the documentation: bars in groups, and lines. Text in, text out.
 *
 * @module
 */
import { axisMaximum, axisSteps, compact } from "./plot-axis.ts";

/** What every chart has. */
export interface ChartText {
  readonly title: string;
  /** One line below it: what was measured, on what. */
  readonly subtitle?: string;
  /** What the vertical axis counts, with its unit. */
  readonly yLabel: string;
}

/** Bars side by side for each group, one of each series. */
export interface BarChart extends ChartText {
  /** Names below the bars, from left to right. */
  readonly groups: readonly string[];
  /** `values`: one of each group; null: not measured, no bar. */
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly (number | null)[];
  }[];
}

/** Lines through points. */
export interface LineChart extends ChartText {
  readonly xLabel: string;
  /** Points in order of x. */
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
  /** Steps of the horizontal axis are of equal ratio. All x are above 0. */
  readonly xLog?: boolean;
  /** Instants to show, as upright lines; dashed ones are of another kind. Within the points. */
  readonly marks?: readonly { readonly x: number; readonly dashed?: boolean }[];
}

const WIDTH = 760;
const HEIGHT = 380;
/** The field that is drawn in. */
const FIELD = { left: 68, right: WIDTH - 20, top: 96, bottom: HEIGHT - 52 } as const;
/** Told apart without seeing colours, too: they differ in lightness. */
const COLOURS = ["#0b5fa5", "#e0761a", "#3a9a5b", "#8d5fb5", "#b03a48", "#7d7d7d"] as const;
const INK = "#222222";
const FAINT = "#d8d8d8";

/** An SVG document with the bars. */
export function barChart({ groups, series, ...text }: BarChart): string {
  const top = axisMaximum(series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const groupWidth = (FIELD.right - FIELD.left) / Math.max(1, groups.length);
  const barWidth = (groupWidth * 0.8) / Math.max(1, series.length);
  const parts: string[] = [];
  for (const [at, group] of groups.entries()) {
    const left = FIELD.left + at * groupWidth;
    parts.push(label(left + groupWidth / 2, FIELD.bottom + 18, group));
    for (const [index, { values }] of series.entries()) {
      const value = values[at] ?? null;
      if (value === null) continue;
      const x = left + groupWidth * 0.1 + index * barWidth;
      const y = yOf(value, top);
      const size = `width="${round(barWidth * 0.92)}" height="${round(FIELD.bottom - y)}"`;
      parts.push(`<rect x="${round(x)}" y="${round(y)}" ${size} fill="${colourOf(index)}"/>`);
      const middle = x + barWidth * 0.46;
      parts.push(label(middle, y - 4, compact(value), { size: barWidth < 30 ? 8 : 10 }));
    }
  }
  return documentOf(text, top, series, parts);
}

/** An SVG document with the lines. */
export function lineChart(chart: LineChart): string {
  const { marks: instants = [], series, xLabel, xLog = false, ...text } = chart;
  const points = series.flatMap((each) => each.points);
  const top = axisMaximum(points.map(([, y]) => y));
  const xs = points.map(([x]) => x);
  const scale = (x: number): number => (xLog ? Math.log(x) : x);
  const first = scale(Math.min(...xs));
  const span = scale(Math.max(...xs)) - first || 1;
  const xOf = (x: number): number =>
    FIELD.left + ((scale(x) - first) / span) * (FIELD.right - FIELD.left);
  const parts: string[] = [label((FIELD.left + FIELD.right) / 2, HEIGHT - 14, xLabel)];
  const marks = xLog
    ? [...new Set(xs)].toSorted((a, b) => a - b)
    : axisSteps(Math.min(...xs), Math.max(...xs));
  for (const x of marks) parts.push(label(xOf(x), FIELD.bottom + 18, compact(x)));
  for (const { dashed = false, x } of instants) {
    const dash = dashed ? ' stroke-dasharray="5 4"' : "";
    const place = `x1="${round(xOf(x))}" x2="${round(xOf(x))}" y1="${FIELD.top}" y2="${FIELD.bottom}"`;
    parts.push(`<line ${place} stroke="${INK}"${dash}/>`);
  }
  for (const [index, each] of series.entries()) {
    const line = each.points.map(([x, y]) => `${round(xOf(x))},${round(yOf(y, top))}`);
    const stroke = `fill="none" stroke="${colourOf(index)}" stroke-width="2"`;
    parts.push(`<polyline points="${line.join(" ")}" ${stroke}/>`);
    // Dots only where they can be told apart.
    if (line.length > 40) continue;
    for (const point of line) {
      const [cx, cy] = point.split(",");
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${colourOf(index)}"/>`);
    }
  }
  return documentOf(text, top, series, parts);
}

function documentOf(
  { subtitle, title, yLabel }: ChartText,
  top: number,
  series: readonly { readonly name: string }[],
  parts: readonly string[],
): string {
  const axis = axisSteps(0, top).flatMap((value) => {
    const y = round(yOf(value, top));
    return [
      `<line x1="${FIELD.left}" x2="${FIELD.right}" y1="${y}" y2="${y}" stroke="${FAINT}"/>`,
      label(FIELD.left - 8, y + 4, compact(value), { anchor: "end" }),
    ];
  });
  const legend = series.flatMap(({ name }, index) => {
    const x = FIELD.left + series.slice(0, index).reduce((sum, s) => sum + legendWidth(s.name), 0);
    return [
      `<rect x="${x}" y="66" width="12" height="12" fill="${colourOf(index)}"/>`,
      label(x + 17, 76, name, { anchor: "start" }),
    ];
  });
  const middle = (FIELD.top + FIELD.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    label(FIELD.left, 26, title, { anchor: "start", size: 16, bold: true }),
    ...(subtitle === undefined ? [] : [label(FIELD.left, 46, subtitle, { anchor: "start" })]),
    ...legend,
    ...axis,
    `<g transform="rotate(-90 16 ${middle})">${label(16, middle, yLabel)}</g>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function label(
  x: number,
  y: number,
  text: string,
  look: { anchor?: "start" | "middle" | "end"; size?: number; bold?: boolean } = {},
): string {
  const { anchor = "middle", bold = false, size = 12 } = look;
  const weight = bold ? ' font-weight="600"' : "";
  const place = `x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"`;
  return `<text ${place} font-size="${size}"${weight} fill="${INK}">${escapeXml(text)}</text>`;
}

function yOf(value: number, top: number): number {
  return FIELD.bottom - (value / top) * (FIELD.bottom - FIELD.top);
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

/** Of one name with its mark: letters of this size are about 7 wide. */
function legendWidth(name: string): number {
  return 34 + name.length * 7;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
