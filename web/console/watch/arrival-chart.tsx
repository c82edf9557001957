import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { type Clock, every } from "../../../src/base/index.ts";
import { type ArrivalLog, type ArrivalWindow, formatMs } from "../../../src/view/index.ts";
import { useColourScheme } from "../session/use-colour-scheme.ts";

/** How far back the chart goes, ms. */
export const ARRIVAL_WINDOW_MS = 60_000;
const DRAW_MS = 250;
const SUMMARY_MS = 1_000;
const HEIGHT_MIN = 84;
/** Top of the scale while nothing takes longer, ms. */
const TOP_MS_MIN = 100;

/**
 * When the player's frames arrived: the time between two, the latency, and changes of the path, over the last minute.
 */
export function ArrivalChart(props: { readonly clock: Clock; readonly arrivals: ArrivalLog }) {
  const { clock, arrivals } = props;
  const box = useRef<HTMLDivElement>(null);
  const [summary, setSummary] = useState("");
  const scheme = useColourScheme();

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let window: ArrivalWindow = arrivals.window(clock.now());
    let now = clock.now();
    const plot = new uPlot(
      optionsOf(element, (drawn) => drawMarks(drawn, window, now)),
      [[], [], []],
      element,
    );
    const resize = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    resize.observe(element);
    const stopDrawing = every(clock, "console chart", DRAW_MS, () => {
      now = clock.now();
      window = arrivals.window(now);
      plot.setData([
        window.at.map((at) => (at - now) / 1000),
        window.gapMs as (number | undefined)[],
        window.latencyMs as (number | undefined)[],
      ]);
    });
    const stopTelling = every(clock, "console chart summary", SUMMARY_MS, () =>
      setSummary(summaryOf(window)),
    );
    return () => {
      stopDrawing();
      stopTelling();
      resize.disconnect();
      plot.destroy();
    };
  }, [clock, arrivals, scheme]);

  return (
    <figure class="arrivals">
      <figcaption>
        <span class="key-line gap">between frames</span>
        <span class="key-line latency">latency</span>
        <span class="summary">{summary}</span>
      </figcaption>
      <div
        ref={box}
        class="plot"
        role="img"
        aria-label={`Frame arrivals over the last minute. ${summary}`}
      />
    </figure>
  );
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement): { width: number; height: number } {
  return { width: clientWidth, height: Math.max(HEIGHT_MIN, clientHeight) };
}

function optionsOf(element: HTMLElement, draw: (plot: uPlot) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--ink-faint"),
    font: `10px ${color("--font")}`,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(element),
    padding: [6, 14, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: false, range: () => [-ARRIVAL_WINDOW_MS / 1000, 0] },
      y: { range: (_plot, _low, high) => [0, Math.max(TOP_MS_MIN, (high ?? 0) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        size: 20,
        gap: 2,
        values: (_plot, values) => values.map((value) => (value === 0 ? "now" : `${value} s`)),
      },
      {
        ...axis,
        size: 44,
        gap: 4,
        space: 32,
        values: (_plot, values) =>
          values.map((value) =>
            value === 0 ? "" : value < 1000 ? `${value} ms` : `${value / 1000} s`,
          ),
      },
    ],
    series: [
      {},
      { stroke: color("--accent"), width: 1, points: { show: false } },
      { stroke: color("--ink-faint"), width: 1, points: { show: false } },
    ],
    hooks: { draw: [draw] },
  };
}

/** Draws a line with the new path at each change; of changes close together, the newest has its path written. */
function drawMarks(plot: uPlot, window: ArrivalWindow, now: number): void {
  const { ctx, bbox } = plot;
  const style = getComputedStyle(plot.root);
  ctx.save();
  ctx.strokeStyle = style.getPropertyValue("--warn");
  ctx.fillStyle = style.getPropertyValue("--warn");
  ctx.font = `${10 * devicePixelRatio}px ${style.getPropertyValue("--font")}`;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  /** From there on, to the right, is text. */
  let written = Number.POSITIVE_INFINITY;
  for (const mark of [...window.marks].reverse()) {
    const x = plot.valToPos((mark.at - now) / 1000, "x", true);
    const right = x > bbox.left + bbox.width / 2;
    ctx.textAlign = right ? "right" : "left";
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const gap = 4 * devicePixelRatio;
    const text = mark.path.join(" › ");
    const { width } = ctx.measureText(text);
    const begin = right ? x - gap - width : x + gap;
    if (begin + width + gap > written) continue;
    written = begin;
    ctx.fillText(text, right ? x - gap : x + gap, bbox.top + 10 * devicePixelRatio);
  }
  ctx.restore();
}

function summaryOf(window: ArrivalWindow): string {
  const gaps = window.gapMs.filter((gap) => gap !== undefined).sort((left, right) => left - right);
  const median = gaps[Math.floor(gaps.length / 2)];
  if (median === undefined) return "no frames yet";
  return `median ${formatMs(median)}, longest ${formatMs(gaps.at(-1))}`;
}
