import { useEffect, useRef } from "preact/hooks";
import {
  formatBitRate,
  formatBytes,
  formatShare,
  type TopologySite,
} from "../../../src/view/index.ts";
import type { Demo, DemoVerb } from "../session/use-demo.ts";
import type { Place } from "./graph-layout.ts";
import "./site-card.css";

/** Most player dots that are drawn; the number has all. */
const DOT_COUNT_MAX = 6;

/** What {@link SiteCard} shows, and calls. */
export interface SiteCardProps {
  readonly site: TopologySite;
  /** Its centre. */
  readonly place: Place;
  readonly size: { readonly width: number; readonly height: number };
  readonly selected: boolean;
  /** The player of this page is connected here. */
  readonly watched: boolean;
  readonly compact: boolean;
  /** Tab reaches this one of all sites, and its controls. */
  readonly isTabStop: boolean;
  readonly demo: Demo | undefined;
  readonly onSelect: (site: string) => void;
  readonly onFocus: (site: string) => void;
}

/** A site as a card of the graph. */
export function SiteCard(props: SiteCardProps) {
  const { site, place, size, selected, compact, isTabStop, demo } = props;
  const down = site.state === "down";
  const state = site.state === "leader" ? "up, leader" : site.state;
  return (
    <div
      class={`card ${site.state} ${selected ? "selected" : ""} ${compact ? "compact" : ""}`}
      style={{
        width: `${size.width}px`,
        height: `${size.height}px`,
        transform: `translate(${place.x}px, ${place.y}px) translate(-50%, -50%)`,
      }}
      data-site={site.name}
      data-state={site.state}
    >
      <button
        type="button"
        class="card-face"
        tabIndex={isTabStop ? 0 : -1}
        aria-pressed={selected}
        aria-label={`Site ${site.name}, ${state}`}
        title={`${site.name}: ${site.reason}`}
        onClick={() => props.onSelect(site.name)}
        onFocus={() => props.onFocus(site.name)}
      >
        <span class="card-head">
          <i class="lamp" />
          <b class="card-name">{site.name}</b>
          <StateWord site={site} />
        </span>
        <span class="card-facts">
          {down ? (
            <span class="reason">{site.reason}</span>
          ) : (
            <>
              <span title="Share of one CPU">
                {formatShare(site.cpuShare)} <small>cpu</small>
              </span>
              <span title="Resident memory">{formatBytes(site.memoryBytes)}</span>
            </>
          )}
        </span>
        {!compact && (
          <span class="card-rate" title="Incoming bit rate, last minute">
            <Sparkline values={site.history} />
            <span>{down ? "" : formatBitRate(site.in?.bitsPerSecond)}</span>
          </span>
        )}
      </button>
      {demo !== undefined && (
        <Controls demo={demo} name={site.name} down={down} isTabStop={isTabStop} />
      )}
      <Audience site={site} watched={props.watched} />
    </div>
  );
}

/** What a glance should tell: it is no common site, or something does not arrive. */
function StateWord({ site }: { readonly site: TopologySite }) {
  const { state, stalls } = site;
  if (stalls.length > 0) {
    const lines = stalls.map(({ channel, reason }) => `${channel} does not arrive ${reason}`);
    const names = stalls.map(({ channel }) => channel);
    return (
      <em class="stalled" title={lines.join("\n")}>
        no {names.length > 2 ? `${names.length} channels` : names.join(", ")}
      </em>
    );
  }
  return <em>{state === "down" || state === "suspected" || state === "leader" ? state : ""}</em>;
}

/** Buttons of the demo. A button that the keyboard pressed hands the focus to the one that takes its place. */
function Controls(props: {
  readonly demo: Demo;
  readonly name: string;
  readonly down: boolean;
  readonly isTabStop: boolean;
}) {
  const { demo, name, down } = props;
  const group = useRef<HTMLDivElement>(null);
  const byKey = useRef(false);
  const verbs: readonly DemoVerb[] = down ? ["start"] : ["stop", "kill"];
  const busy = demo.busy.has(name);
  useEffect(() => {
    // The site may seem to go and come again: each time the button that had the focus is gone.
    if (byKey.current && document.activeElement === document.body)
      group.current?.querySelector("button")?.focus();
  }, [down]);
  return (
    <div class="card-controls" ref={group}>
      {verbs.map((verb) => (
        <button
          key={verb}
          type="button"
          class={verb}
          aria-disabled={busy}
          tabIndex={props.isTabStop ? 0 : -1}
          aria-label={`${verb} ${name}`}
          title={EXPLAINED[verb]}
          data-action={verb}
          onClick={(event) => {
            // A key press clicks without a pointer.
            byKey.current = event.detail === 0;
            if (!busy) demo.act(name, verb);
          }}
        >
          {verb}
        </button>
      ))}
    </div>
  );
}

const EXPLAINED: Readonly<Record<DemoVerb, string>> = {
  stop: "Stops the site in order: it leaves the session and tells its neighbours first",
  kill: "kill -9 (SIGKILL): the process ends at once, and no neighbour is told",
  start: "Starts the site again, in a new process",
};

function Audience({ site, watched }: { readonly site: TopologySite; readonly watched: boolean }) {
  const { viewerCount, outputCount } = site;
  if (viewerCount + outputCount === 0) return null;
  const words = [
    viewerCount > 0 ? `${viewerCount} ${viewerCount === 1 ? "player" : "players"}` : "",
    outputCount > 0 ? `${outputCount} RTP ${outputCount === 1 ? "output" : "outputs"}` : "",
  ].filter(Boolean);
  const title = `${words.join(", ")} at ${site.name}${watched ? "; one of them is on this page" : ""}`;
  return (
    <div class="audience" role="img" aria-label={title} title={title}>
      {Array.from({ length: Math.min(viewerCount, DOT_COUNT_MAX) }, (_, index) => (
        <i key={index} class={watched && index === 0 ? "dot own" : "dot"} />
      ))}
      {Array.from({ length: Math.min(outputCount, DOT_COUNT_MAX) }, (_, index) => (
        <i key={index} class="square" />
      ))}
      <span>{words.join(", ")}</span>
    </div>
  );
}

function Sparkline({ values }: { readonly values: readonly number[] }) {
  const top = Math.max(...values, 1);
  const points = values.map(
    (value, index) =>
      `${(index + 60 - values.length) * 1.4},${(15 - (value / top) * 14).toFixed(1)}`,
  );
  return (
    <svg class="sparkline" viewBox="0 0 83 16" width="83" height="16" aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
