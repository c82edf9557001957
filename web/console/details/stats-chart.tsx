import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import {
  type StatsChart as Chart,
  formatReading,
  readingsOf,
  type StatsUnit,
} from "../../../src/view/index.ts";
import { useColourScheme } from "../session/use-colour-scheme.ts";

const HEIGHT = 104;
/** One colour for each line, the most important first. */
const COLOURS = ["--accent", "--warn", "--good", "--bad"] as const;

/** Series over time. Their values at the pointer are shown above, in all charts at once. */
export function StatsChart(props: {
  readonly chart: Chart;
  /** Wall clock of the first value, ms. */
  readonly from: number;
  readonly stepMs: number;
}) {
  const { chart, from, stepMs } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const scheme = useColourScheme();
  const [pointed, setPointed] = useState<number | null>(null);
  const shape = `${chart.unit} ${chart.lines.map(({ name }) => name).join()}`;

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, chart, setPointed), dataOf(props), element);
    plot.current = made;
    const resize = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, scheme]);

  useEffect(() => plot.current?.setData(dataOf(props)), [chart, from, stepMs]);

  const words = chart.lines.map(({ title, values }) => {
    const { last, most } = readingsOf(values);
    return `${title} ${formatReading(chart.unit, last)}, at most ${formatReading(chart.unit, most)}`;
  });
  return (
    <figure class="chart">
      <figcaption>
        <b>{chart.title}</b>
        {chart.lines.map(({ name, title, values }, index) => (
          <span key={name} class="reading" style={{ color: `var(${colourOf(index)})` }}>
            {title}{" "}
            {formatReading(
              chart.unit,
              pointed === null ? readingsOf(values).last : values[pointed],
            )}
          </span>
        ))}
      </figcaption>
      <div ref={box} role="img" aria-label={`${chart.title}. ${words.join("; ")}`} />
    </figure>
  );
}

function dataOf(props: {
  readonly chart: Chart;
  readonly from: number;
  readonly stepMs: number;
}): uPlot.AlignedData {
  const { chart, from, stepMs } = props;
  const length = chart.lines[0]?.values.length ?? 0;
  const times = Array.from({ length }, (_, index) => (from + index * stepMs) / 1000);
  return [times, ...chart.lines.map(({ values }) => [...values])];
}

function optionsOf(
  element: HTMLElement,
  { unit, lines }: Chart,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-faint"),
    font: `10px ${colour("--font")}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [6, 18, 0, 0],
    cursor: { y: false, points: { show: false }, sync: { key: "statistics" } },
    legend: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, topOf(unit, high)] } },
    axes: [
      {
        ...axis,
        size: 20,
        gap: 2,
        space: 50,
        values: (plot, times) => times.map((time) => timeOf(time, plot.data[0])),
      },
      {
        ...axis,
        size: 62,
        gap: 4,
        space: 28,
        values: (_plot, values) =>
          values.map((value) => (value === 0 ? "" : formatReading(unit, value))),
      },
    ],
    series: [
      {},
      ...lines.map((_line, index) => ({
        stroke: colour(colourOf(index)),
        width: 1.2,
        points: { show: false },
        ...(index === 0 ? { fill: `${colour(colourOf(index))}22` } : {}),
      })),
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  };
}

/** Of day; over more than a day, with the day. @param time s since 1970, one of `times` */
function timeOf(time: number, times: ArrayLike<number>): string {
  const date = new Date(time * 1000);
  const two = (part: number): string => String(part).padStart(2, "0");
  const ofDay = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const seconds = (times[times.length - 1] ?? 0) - (times[0] ?? 0);
  return seconds > 90_000 ? `${two(date.getDate())}. ${ofDay}` : ofDay;
}

/** Top of the scale: what is next to nothing is drawn as that, not as noise. */
function topOf(unit: StatsUnit, high: number | null): number {
  const least = { "bit/s": 10_000, "1/s": 1, count: 4, ms: 10, bytes: 1e6, share: 0.1 }[unit];
  return Math.max(least, (high ?? 0) * 1.08);
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}
