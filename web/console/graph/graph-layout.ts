import {
  forceCollide,
  forceLink,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum,
} from "d3-force";

const TICKS = 240;

/** A place in the graph, in its own units: pixels at scale 1. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Distances between cards. */
export interface LayoutGrid {
  /** Between columns, from centre to centre. */
  readonly column: number;
  /** Height of a card with the space around it. */
  readonly row: number;
  /** Odd columns sit lower, even ones higher by this: a link past a column then does not run through its cards. */
  readonly wave: number;
}

/** What is laid out. `rank` is the column; unknown counts as 1. */
export interface LayoutInput {
  readonly sites: readonly { readonly name: string; readonly rank: number | undefined }[];
  readonly links: readonly { readonly from: string; readonly to: string }[];
  readonly grid: LayoutGrid;
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
  place({ sites, links, grid }: LayoutInput): ReadonlyMap<string, Place> {
    const ranks = new Map<string, number>();
    for (const { name, rank } of sites) {
      const before = this.#ranks.get(name);
      ranks.set(name, Math.max(rank ?? before ?? 1, before ?? 0));
    }
    const key = JSON.stringify([grid, ...ranks]);
    if (key === this.#key) return this.#places;
    this.#key = key;
    this.#ranks = ranks;
    this.#places = this.#settle(ranks, links, grid);
    return this.#places;
  }

  /** Forgets all places: the next call starts again. */
  forget(): void {
    this.#places = new Map();
    this.#ranks = new Map();
    this.#key = "";
  }

  #settle(
    ranks: ReadonlyMap<string, number>,
    links: LayoutInput["links"],
    { column, row, wave }: LayoutGrid,
  ): ReadonlyMap<string, Place> {
    // Cards are wider than high: the simulation runs in a space where they are square.
    const stretch = column / row;
    const seats = new Map<number, number>();
    const nodes: LayoutNode[] = [...ranks].map(([name, rank]) => {
      const seat = seats.get(rank) ?? 0;
      seats.set(rank, seat + 1);
      const known = this.#places.get(name);
      // New cards of a column start alternately below and above its middle.
      const y = (seat % 2 === 0 ? 1 : -1) * Math.ceil(seat / 2) * row;
      return { name, rank, x: known?.x ?? rank * column, y: (known?.y ?? y) * stretch };
    });
    const known = new Set(ranks.keys());
    const springs = links
      .filter((link) => known.has(link.from) && known.has(link.to))
      .map((link) => ({ source: link.from, target: link.to }));
    const simulation = forceSimulation(nodes)
      .force("column", forceX<LayoutNode>((node) => node.rank * column).strength(0.9))
      .force(
        "row",
        forceY<LayoutNode>((node) => (node.rank % 2 === 0 ? -wave : wave) * stretch).strength(0.08),
      )
      .force(
        "links",
        forceLink<LayoutNode, (typeof springs)[number]>(springs)
          .id((node) => node.name)
          .distance(column)
          .strength(0.04),
      )
      .force(
        "space",
        forceCollide<LayoutNode>(column / 2)
          .strength(1)
          .iterations(4),
      )
      .stop();
    simulation.tick(TICKS);
    return new Map(
      nodes.map((node) => [node.name, { x: node.rank * column, y: Math.round(node.y / stretch) }]),
    );
  }
}
