import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatBitRate, type Topology, type TopologySource } from "../../../src/view/index.ts";
import type { Demo } from "../session/use-demo.ts";
import { GraphLayout, type Place } from "./graph-layout.ts";
import { linkCourses } from "./link-courses.ts";
import { ArrowHeads, LinkLine } from "./link-line.tsx";
import { SiteCard } from "./site-card.tsx";

/** With more sites than this the cards are small. */
const FULL_CARDS_MAX = 6;
const FULL = { half: { width: 84, height: 56 }, grid: { column: 226, row: 150, wave: 96 } };
const COMPACT = { half: { width: 75, height: 31 }, grid: { column: 214, row: 92, wave: 30 } };
/** Letters of a source's name drawn; the title has all. */
const SOURCE_NAME_MAX = 12;
/** From a source's mark to its site. */
const SOURCE_REACH = 94;
/** Room around the cards: sources to the left, players below. */
const MARGIN = { left: 106, right: 20, top: 22, bottom: 40 };
const SCALE_MIN = 0.62;
const SCALE_MAX = 1.25;

/** What {@link Graph} shows and tells. */
export interface GraphProps {
  readonly topology: Topology;
  readonly selected: string;
  readonly onSelect: (site: string) => void;
  /** The site that the page's player is connected to. */
  readonly watched: string | undefined;
  /** Links that do not carry this channel are faint; undefined: all are alike. */
  readonly channel: string | undefined;
  readonly demo: Demo | undefined;
}

/** The session as a graph: media flows from left to right. */
export function Graph(props: GraphProps) {
  const { topology, selected, channel } = props;
  const [layout] = useState(() => new GraphLayout());
  const [, redraw] = useState(0);
  const [box, size] = useSize();
  const compact = topology.sites.length > FULL_CARDS_MAX;
  const { half, grid } = compact ? COMPACT : FULL;
  const places = layout.place({ ...topology, grid });
  const courses = linkCourses(topology.links, places, half);
  const frame = frameOf(places, half);
  const scale = Math.min(
    SCALE_MAX,
    Math.max(SCALE_MIN, Math.min(size.width / frame.width, size.height / frame.height)),
  );
  const tidy = (): void => {
    layout.forget();
    redraw((count) => count + 1);
  };
  const shift = (name: string): Place => {
    const place = places.get(name) ?? { x: 0, y: 0 };
    return { x: place.x - frame.x, y: place.y - frame.y };
  };
  return (
    <section class="pane graph" aria-label="Topology">
      <h2>
        Topology
        <Legend />
        <button type="button" class="aside" title="Lay the graph out anew" onClick={tidy}>
          tidy
        </button>
      </h2>
      <div class="graph-view" ref={box}>
        <div
          class="graph-room"
          style={{ width: `${frame.width * scale}px`, height: `${frame.height * scale}px` }}
        >
          <div
            class="graph-stage"
            style={{
              width: `${frame.width}px`,
              height: `${frame.height}px`,
              transform: `scale(${scale})`,
            }}
          >
            <svg
              class="graph-lines"
              role="img"
              aria-label={linksInWords(topology)}
              viewBox={`${frame.x} ${frame.y} ${frame.width} ${frame.height}`}
            >
              <ArrowHeads />
              {topology.links.map((link) => {
                const course = courses.get(link.key);
                return (
                  course && (
                    <LinkLine key={link.key} link={link} course={course} channel={channel} />
                  )
                );
              })}
              {topology.sites.flatMap((site) =>
                site.sources.map((source, index) => (
                  <SourceMark
                    key={`${site.name} ${source.channel} ${source.name}`}
                    source={source}
                    place={places.get(site.name) ?? { x: 0, y: 0 }}
                    halfWidth={half.width}
                    offset={(index - (site.sources.length - 1) / 2) * 36}
                  />
                )),
              )}
            </svg>
            {topology.sites.map((site) => (
              <SiteCard
                key={site.name}
                site={site}
                place={shift(site.name)}
                selected={site.name === selected}
                watched={site.name === props.watched}
                compact={compact}
                demo={props.demo}
                onSelect={props.onSelect}
              />
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}

/** An outside input: a triangle at the left of its ingest. */
function SourceMark(props: {
  readonly source: TopologySource;
  readonly place: Place;
  readonly halfWidth: number;
  readonly offset: number;
}) {
  const { source, place, halfWidth, offset } = props;
  const [x, y, end] = [
    place.x - halfWidth - SOURCE_REACH,
    place.y + offset,
    place.x - halfWidth - 4,
  ];
  const rate = formatBitRate(source.rate?.bitsPerSecond);
  return (
    <g class={`source ${source.state}`}>
      <title>{`${source.channel}: outside input ${source.name} (${source.kind}), ${source.state}, ${rate}`}</title>
      <path class="source-mark" d={`M${x} ${y - 6}l11 6l-11 6z`} />
      <path class="source-line" d={`M${x + 15} ${y}H${end}`} />
      <text x={x + 16} y={y - 5}>
        {shortened(source.channel)}
      </text>
      <text class="source-rate" x={x + 16} y={y + 13}>
        {rate}
      </text>
    </g>
  );
}

function shortened(name: string): string {
  return name.length > SOURCE_NAME_MAX ? `${name.slice(0, SOURCE_NAME_MAX - 1)}…` : name;
}

function Legend() {
  return (
    <span class="legend" aria-hidden="true">
      <span class="key active">media</span>
      <span class="key standby">standby</span>
      <span class="key suspected">suspected</span>
      <span class="key-source">source</span>
      <span class="key-dot">player</span>
    </span>
  );
}

function linksInWords(topology: Topology): string {
  const words = topology.links.map(
    (link) =>
      `${link.from} to ${link.to}, ${link.state}, ${formatBitRate(link.rate?.bitsPerSecond)}`,
  );
  return `Links: ${words.length === 0 ? "none" : words.join("; ")}`;
}

function frameOf(
  places: ReadonlyMap<string, Place>,
  half: { readonly width: number; readonly height: number },
): { readonly x: number; readonly y: number; readonly width: number; readonly height: number } {
  if (places.size === 0) return { x: 0, y: 0, width: 1, height: 1 };
  const xs = [...places.values()].map((place) => place.x);
  const ys = [...places.values()].map((place) => place.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const x = left - half.width - MARGIN.left;
  const y = top - half.height - MARGIN.top;
  return {
    x,
    y,
    width: right + half.width + MARGIN.right - x,
    height: bottom + half.height + MARGIN.bottom - y,
  };
}

function useSize() {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 400 });
  useLayoutEffect(() => {
    if (box.current === null) return;
    const { clientWidth, clientHeight } = box.current;
    setSize({ width: clientWidth, height: clientHeight });
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize(entry.contentRect);
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, size] as const;
}
