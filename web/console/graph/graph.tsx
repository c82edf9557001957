import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { Topology, TopologyLink } from "../../../src/view/index.ts";
import { moveFocus } from "../keys/move-focus.ts";
import { useEscape } from "../keys/use-escape.ts";
import type { Demo } from "../session/use-demo.ts";
import { fit, type Margin } from "./fit.ts";
import { GraphLayout, type LayoutGrid, type Place } from "./graph-layout.ts";
import { linkCourses } from "./link-courses.ts";
import { ArrowHeads, LinkLine } from "./link-line.tsx";
import { LinkPane } from "./link-pane.tsx";
import { SiteCard } from "./site-card.tsx";
import { SourceMark } from "./source-mark.tsx";
import { useSize } from "./use-size.ts";
import "./graph.css";

/** Sizes of cards and their distances: the columns of the layout are rows where media flows downwards. */
interface Scheme {
  readonly half: { readonly width: number; readonly height: number };
  readonly landscape: LayoutGrid;
  readonly portrait: LayoutGrid;
}

/** With more sites than this the cards are small. */
const FULL_CARDS_MAX = 6;
const FULL: Scheme = {
  half: { width: 88, height: 59 },
  landscape: { column: 236, row: 152, wave: 96 },
  portrait: { column: 168, row: 196, wave: 74 },
};
const COMPACT: Scheme = {
  half: { width: 75, height: 31 },
  landscape: { column: 214, row: 92, wave: 30 },
  portrait: { column: 112, row: 166, wave: 20 },
};
/** Narrower than this, media flows downwards. */
const LANDSCAPE_MIN = 600;
/** Room around the cards: sources at the left or above, players below. */
const LANDSCAPE_MARGIN: Margin = { left: 106, right: 20, top: 22, bottom: 36 };
const PORTRAIT_MARGIN: Margin = { left: 8, right: 8, top: 52, bottom: 30 };

/** What {@link Graph} shows, and calls. */
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

/** The session as a graph. Media flows from left to right, or downwards where there is little width. */
export function Graph(props: GraphProps) {
  const { topology, channel } = props;
  const [layout] = useState(() => new GraphLayout());
  const [, redraw] = useState(0);
  const [box, size] = useSize();
  const [openKey, open] = useState<string>();
  const portrait = size.width < LANDSCAPE_MIN;
  const { half, landscape, portrait: upright } = schemeOf(topology);
  const laidOut = layout.place({
    sites: topology.sites,
    // What is learned comes and goes: the places stay.
    links: topology.links.filter(({ isLearned }) => !isLearned),
    grid: portrait ? upright : landscape,
  });
  const { places, room, scale } = fit(
    portrait ? transposed(laidOut) : laidOut,
    // Downwards there is as much room as is needed: the page scrolls.
    portrait ? { ...size, height: Number.POSITIVE_INFINITY } : size,
    { width: 2 * half.width, height: 2 * half.height },
    portrait ? PORTRAIT_MARGIN : LANDSCAPE_MARGIN,
  );
  const courses = linkCourses(topology.links, places, half);
  const opened = topology.links.find(({ key }) => key === openKey);
  const lines = useRef<SVGSVGElement>(null);
  const close = useCallback(() => {
    open(undefined);
    linksIn(lines.current)
      .find((link) => link.dataset["link"] === openKey)
      ?.focus();
  }, [openKey]);
  useEscape(opened && close);
  const tidy = (): void => {
    layout.forget();
    redraw((count) => count + 1);
  };
  const stage = { width: `${room.width}px`, height: `${room.height}px` };
  return (
    <section class="pane graph" aria-label="Topology">
      <h2>
        Topology
        <Legend />
        <button type="button" class="aside" title="Arrange the graph again" onClick={tidy}>
          tidy
        </button>
      </h2>
      <div class="graph-view" ref={box}>
        <div
          class="graph-room"
          style={{ width: `${room.width * scale}px`, height: `${room.height * scale}px` }}
        >
          <div class="graph-stage" style={{ ...stage, transform: `scale(${scale})` }}>
            <Cards {...props} places={places} half={half} />
            <Lines
              topology={topology}
              channel={channel}
              opened={openKey}
              onOpen={(key) => open(key === openKey ? undefined : key)}
              svg={lines}
              room={room}
              courses={courses}
            >
              {topology.sites.flatMap((site) =>
                site.sources.map((source, index) => (
                  <SourceMark
                    key={`${site.name} ${source.channel} ${source.name}`}
                    source={source}
                    place={places.get(site.name) ?? { x: 0, y: 0 }}
                    half={half}
                    index={index}
                    count={site.sources.length}
                    portrait={portrait}
                  />
                )),
              )}
            </Lines>
          </div>
        </div>
      </div>
      {opened !== undefined && <LinkPane link={opened} onClose={close} />}
    </section>
  );
}

/** The sites. One of them is a tab stop, arrow keys move between them. */
function Cards(
  props: GraphProps & {
    readonly places: ReadonlyMap<string, Place>;
    readonly half: { readonly width: number; readonly height: number };
  },
) {
  const { topology, places, half } = props;
  const group = useRef<HTMLFieldSetElement>(null);
  const [focused, focus] = useState<string>();
  const names = topology.sites.map(({ name }) => name);
  const stop = [focused, props.selected].find((name) => names.includes(name ?? "")) ?? names[0];
  return (
    <fieldset
      class="cards"
      aria-label="Sites"
      ref={group}
      onKeyDown={(event) => moveFocus(event, facesIn(group.current), "plane")}
    >
      {topology.sites.map((site) => (
        <SiteCard
          key={site.name}
          site={site}
          place={places.get(site.name) ?? { x: 0, y: 0 }}
          size={{ width: 2 * half.width, height: 2 * half.height }}
          selected={site.name === props.selected}
          watched={site.name === props.watched}
          compact={schemeOf(topology) === COMPACT}
          isTabStop={site.name === stop}
          demo={props.demo}
          onSelect={props.onSelect}
          onFocus={focus}
        />
      ))}
    </fieldset>
  );
}

/** The links, and the sources. One link is a tab stop, arrow keys move between them. */
function Lines(props: {
  readonly topology: Topology;
  readonly channel: string | undefined;
  readonly opened: string | undefined;
  readonly onOpen: (key: string) => void;
  readonly svg: { current: SVGSVGElement | null };
  readonly room: { readonly width: number; readonly height: number };
  readonly courses: ReturnType<typeof linkCourses>;
  readonly children: preact.ComponentChildren;
}) {
  const { topology, channel, svg, room, courses } = props;
  const [focused, focus] = useState<string>();
  const links = useMemo(() => inReadingOrder(topology), [topology]);
  const stop = links.some(({ key }) => key === focused) ? focused : links[0]?.key;
  return (
    <svg
      class="graph-lines"
      ref={svg}
      viewBox={`0 0 ${room.width} ${room.height}`}
      onKeyDown={(event) => moveFocus(event, linksIn(svg.current), "line")}
    >
      <title>Links and sources</title>
      <ArrowHeads />
      {links.map((link) => {
        const course = courses.get(link.key);
        if (course === undefined) return null;
        return (
          <LinkLine
            key={link.key}
            link={link}
            course={course}
            channel={channel}
            isOpen={link.key === props.opened}
            isTabStop={link.key === stop}
            onOpen={props.onOpen}
            onFocus={focus}
          />
        );
      })}
      {props.children}
    </svg>
  );
}

function schemeOf({ sites }: Topology): Scheme {
  return sites.length > FULL_CARDS_MAX ? COMPACT : FULL;
}

function transposed(places: ReadonlyMap<string, Place>): ReadonlyMap<string, Place> {
  return new Map([...places].map(([name, { x, y }]) => [name, { x: y, y: x }]));
}

/** Along the media: from the ingests outwards. */
function inReadingOrder({ sites, links }: Topology): readonly TopologyLink[] {
  const ranks = new Map(sites.map(({ name, rank }) => [name, rank ?? Number.POSITIVE_INFINITY]));
  const rankOf = (name: string): number => ranks.get(name) ?? Number.POSITIVE_INFINITY;
  return [...links].sort(
    (left, right) =>
      rankOf(left.from) - rankOf(right.from) ||
      rankOf(left.to) - rankOf(right.to) ||
      left.key.localeCompare(right.key),
  );
}

function facesIn(group: HTMLElement | null): HTMLElement[] {
  return [...(group?.querySelectorAll<HTMLElement>(".card-face") ?? [])];
}

function linksIn(svg: SVGElement | null): SVGElement[] {
  return [...(svg?.querySelectorAll<SVGElement>("[data-link]") ?? [])];
}

function Legend() {
  return (
    <span class="legend" aria-hidden="true">
      <span class="key active">media</span>
      <span class="key standby">standby</span>
      <span class="key learned" title="A way that no route names: learned from a neighbour">
        learned
      </span>
      <span class="key suspected">suspected</span>
      <span class="key-source">source</span>
      <span class="key-dot">player</span>
    </span>
  );
}
