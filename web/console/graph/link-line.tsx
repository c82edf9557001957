import { formatBitRate, type Rate, type TopologyLink } from "../../../src/view/index.ts";
import type { Place } from "./graph-layout.ts";

/** Ends and curvature of a link, in graph units. */
export interface LinkCourse {
  readonly from: Place;
  readonly to: Place;
  /** `across`: from the right side of a card to the left side of another; `along`: between top and bottom of cards. */
  readonly course: "across" | "along";
}

/**
 * A link between two cards: dashes move with the media, a label shows the bit rate. It is a button that opens its
 * details.
 */
export function LinkLine(props: {
  readonly link: TopologyLink;
  readonly course: LinkCourse;
  /** Only this channel is shown, and the link is faint when it does not carry it; undefined: all channels. */
  readonly channel: string | undefined;
  readonly isOpen: boolean;
  /** Tab reaches this one of all links. */
  readonly isTabStop: boolean;
  readonly onOpen: (key: string) => void;
  readonly onFocus: (key: string) => void;
}) {
  const { link, course, channel, isOpen } = props;
  const selected = link.channels.find((on) => on.channel === channel);
  const { state, rate } = selected ?? link;
  const faded = channel !== undefined && selected === undefined;
  const flows = !faded && (rate?.bitsPerSecond ?? 0) > 0;
  const plain = state === "active" && !flows ? "idle" : state;
  const learned = (selected ?? link).isLearned;
  const look = learned && LEARNED_LOOKS.includes(plain) ? `learned-${plain}` : plain;
  const label = faded ? undefined : labelOf(state, rate);
  const along = course.course === "along";
  const middle = middleOf(course);
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button element in SVG
    <g
      class={`link ${look === plain ? "" : plain} ${look} ${flows ? "flows" : ""} ${faded ? "faded" : ""} ${isOpen ? "open" : ""}`}
      data-link={link.key}
      role="button"
      tabindex={props.isTabStop ? 0 : -1}
      aria-expanded={isOpen}
      aria-label={inWords(link)}
      onClick={() => props.onOpen(link.key)}
      onFocus={() => props.onFocus(link.key)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        props.onOpen(link.key);
      }}
    >
      <title>{titleOf(link)}</title>
      <path class="link-reach" d={pathOf(course)} />
      <path class="link-line" d={pathOf(course)} marker-end={`url(#arrow-${look})`} />
      {label !== undefined && (
        <text
          class={along ? "link-label beside" : "link-label"}
          x={middle.x + (along ? 7 : 0)}
          y={middle.y - (along ? -4 : 7)}
        >
          {label}
        </text>
      )}
    </g>
  );
}

/** Looks that ways which are learned have for themselves. */
const LEARNED_LOOKS: readonly string[] = ["active", "standby", "connecting"];
const LOOKS = [
  ...["active", "idle", "suspected", "connecting", "standby", "down"],
  ...LEARNED_LOOKS.map((look) => `learned-${look}`),
];

/** Arrow heads, one per look: markers do not inherit the colour of their line. */
export function ArrowHeads() {
  return (
    <defs>
      {LOOKS.map((look) => (
        <marker
          key={look}
          id={`arrow-${look}`}
          class={`arrow ${look}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0.8 7.5 4 0 7.2z" />
        </marker>
      ))}
    </defs>
  );
}

function labelOf(state: TopologyLink["state"], rate: Rate | undefined): string | undefined {
  if (rate !== undefined && rate.bitsPerSecond > 0) return formatBitRate(rate.bitsPerSecond);
  return state === "suspected" || state === "connecting" ? state : undefined;
}

function inWords(link: TopologyLink): string {
  const rate = link.rate === undefined ? "" : `, ${formatBitRate(link.rate.bitsPerSecond)}`;
  const learned = link.isLearned ? ", learned" : "";
  return `Link from ${link.from} to ${link.to}, ${link.state}${learned}${rate}`;
}

function titleOf(link: TopologyLink): string {
  const lines = link.channels.map(({ channel, state, connection, origin, rate }) =>
    [channel, state, origin, connection, rate && formatBitRate(rate.bitsPerSecond)]
      .filter(Boolean)
      .join(", "),
  );
  return [`${link.from} to ${link.to}`, ...lines].join("\n");
}

function controlsOf({ from, to, course }: LinkCourse): readonly [Place, Place] {
  if (course === "across") {
    const reach = Math.max(28, (to.x - from.x) / 2);
    return [
      { x: from.x + reach, y: from.y },
      { x: to.x - reach, y: to.y },
    ];
  }
  const reach = to.y >= from.y ? 48 : -48;
  return [
    { x: from.x, y: from.y + reach },
    { x: to.x, y: to.y - reach },
  ];
}

function pathOf(course: LinkCourse): string {
  const [first, second] = controlsOf(course);
  const { from, to } = course;
  return `M${from.x} ${from.y}C${first.x} ${first.y} ${second.x} ${second.y} ${to.x} ${to.y}`;
}

/** The middle of the curve. */
function middleOf(course: LinkCourse): Place {
  const [first, second] = controlsOf(course);
  const { from, to } = course;
  return {
    x: (from.x + 3 * first.x + 3 * second.x + to.x) / 8,
    y: (from.y + 3 * first.y + 3 * second.y + to.y) / 8,
  };
}
