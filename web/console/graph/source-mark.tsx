import { formatBitRate, type TopologySource } from "../../../src/view/index.ts";
import type { Place } from "./graph-layout.ts";

/** From a source's mark to its site, in graph units. */
const REACH = 94;
/** Distance of two sources of one site: side by side above it, or one below the other at its left. */
const [PITCH_ABOVE, PITCH_LEFT] = [22, 36];
/** Letters of a source's name that are drawn; the title has all. */
const NAME_LENGTH_MAX = 12;

/** A source outside the session: a triangle that points at the site of its ingest. */
export function SourceMark(props: {
  readonly source: TopologySource;
  /** Of the site, its centre. */
  readonly place: Place;
  readonly half: { readonly width: number; readonly height: number };
  /** Which of the site's sources, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
  /** Media flows downwards: sources are above their site. */
  readonly portrait: boolean;
}) {
  const { source, place, half, index, count, portrait } = props;
  const rate = formatBitRate(source.rate?.bitsPerSecond);
  const title = `${source.channel}: source ${source.name} (${source.kind}), ${source.state}, ${rate}`;
  if (portrait) {
    const y = place.y - half.height - 8 - (count - 1 - index) * PITCH_ABOVE;
    const x = place.x - half.width + 8;
    return (
      <g class={`source ${source.state}`}>
        <title>{title}</title>
        <path class="source-mark" d={`M${x} ${y - 9}h12l-6 9z`} />
        <text x={x + 18} y={y - 1}>
          {shortened(source.channel)}
          <tspan class="source-rate" dx="8">
            {rate}
          </tspan>
        </text>
      </g>
    );
  }
  const y = place.y + (index - (count - 1) / 2) * PITCH_LEFT;
  const [x, end] = [place.x - half.width - REACH, place.x - half.width - 4];
  return (
    <g class={`source ${source.state}`}>
      <title>{title}</title>
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
  return name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX - 1)}…` : name;
}
