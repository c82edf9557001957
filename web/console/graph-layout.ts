import {
  forceCollide,
  forceLink,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum,
} from "d3-force";

/** Distance between the columns of the graph, from centre to centre. */
const COLUMN = 248;
/** Odd columns sit lower, even ones higher, by this share of a row: a link past a column does not run through its cards. */
const WAVE = 0.46;
const TICKS = 240;

/** A place in the graph, in its own units: pixels at scale 1. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** What is laid out. `rank` is the column; unknown counts as 1. */
export interface LayoutInput {
  readonly sites: readonly { readonly name: string; readonly rank: number | undefined }[];
  readonly links: readonly { readonly from: string; readonly to: string }[];
  /** Height of a card with the space around it. */
  readonly rowHeight: number;
}

interface LayoutNode extends SimulationNodeDatum {
  readonly name: string;
  readonly rank: number;
  x: number;
  y: number;
}

/**
 * Places sites from left to right by their distance from the ingest. Remembers what it placed: it moves something only
 * when a site is new, gone for good, or farther from the ingest than before. The same calls give the same places.
 */
export class GraphLayout {
  #places: ReadonlyMap<string, Place> = new Map();
  #ranks = new Map<string, number>();
  #key = "";

  /** Where everything is. */
  place({ sites, links, rowHeight }: LayoutInput): ReadonlyMap<string, Place> {
    const ranks = new Map<string, number>();
    for (const { name, rank } of sites) {
      const before = this.#ranks.get(name);
      ranks.set(name, Math.max(rank ?? before ?? 1, before ?? 0));
    }
    const key = JSON.stringify([rowHeight, ...ranks]);
    if (key === this.#key) return this.#places;
    this.#key = key;
    this.#ranks = ranks;
    this.#places = this.#settle(ranks, links, rowHeight);
    return this.#places;
  }

  /** Forgets all places: the next call begins anew. */
  forget(): void {
    this.#places = new Map();
    this.#ranks = new Map();
    this.#key = "";
  }

  #settle(
    ranks: ReadonlyMap<string, number>,
    links: LayoutInput["links"],
    rowHeight: number,
  ): ReadonlyMap<string, Place> {
    // Cards are wider than high: the simulation runs in a space where they are square.
    const stretch = COLUMN / rowHeight;
    const seats = new Map<number, number>();
    const nodes: LayoutNode[] = [...ranks].map(([name, rank]) => {
      const seat = seats.get(rank) ?? 0;
      seats.set(rank, seat + 1);
      const known = this.#places.get(name);
      // New cards of a column start alternately below and above its middle.
      const y = (seat % 2 === 0 ? 1 : -1) * Math.ceil(seat / 2) * rowHeight;
      return { name, rank, x: known?.x ?? rank * COLUMN, y: (known?.y ?? y) * stretch };
    });
    const known = new Set(ranks.keys());
    const springs = links
      .filter((link) => known.has(link.from) && known.has(link.to))
      .map((link) => ({ source: link.from, target: link.to }));
    const simulation = forceSimulation(nodes)
      .force("column", forceX<LayoutNode>((node) => node.rank * COLUMN).strength(0.9))
      .force("row", forceY<LayoutNode>((node) => waveOf(node.rank) * COLUMN).strength(0.08))
      .force(
        "links",
        forceLink<LayoutNode, (typeof springs)[number]>(springs)
          .id((node) => node.name)
          .distance(COLUMN)
          .strength(0.04),
      )
      .force(
        "space",
        forceCollide<LayoutNode>(COLUMN / 2)
          .strength(1)
          .iterations(4),
      )
      .stop();
    simulation.tick(TICKS);
    return new Map(
      nodes.map((node) => [node.name, { x: node.rank * COLUMN, y: Math.round(node.y / stretch) }]),
    );
  }
}

function waveOf(rank: number): number {
  return rank % 2 === 0 ? -WAVE : WAVE;
}
