/** Sites, whom each receives a channel from, and where streams go in and out. */
export interface Topology {
  /** By site, by channel: the one source. A site without one only ingests, or only leads. */
  readonly sources: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By channel: where it is sent. */
  readonly ingests: Readonly<Record<string, string>>;
  /** Where each channel is received. */
  readonly receivers: readonly { readonly site: string; readonly channel: string }[];
  /** The site that leaves and returns. */
  readonly victim: string;
}

/** The leader: a site through which no media passes. */
export const LEADER = "lead";

/** The paper's Figure 9: a row of sites, the last but one of which leaves (Figure 10). */
export const FIGURE_9: Topology = {
  sources: {
    source: {},
    a: { probe: "source" },
    b: { probe: "a" },
    c: { probe: "b" },
  },
  ingests: { probe: "source" },
  receivers: [{ site: "c", channel: "probe" }],
  victim: "b",
};

/** The paper's Figure 7: five sites; the middle one has two inputs and two outputs. */
export const FIGURE_7: Topology = {
  sources: {
    a: {},
    b: {},
    c: { left: "a", right: "b" },
    d: { left: "c", right: "c" },
    e: { left: "c", right: "c" },
  },
  ingests: { left: "a", right: "b" },
  receivers: ["d", "e"].flatMap((site) => [
    { site, channel: "left" },
    { site, channel: "right" },
  ]),
  victim: "c",
};

/** The sites that a channel passes, from the ingest to `site`. @param without a site that is bypassed */
export function pathOf(
  { sources }: Topology,
  channel: string,
  site: string,
  without?: string,
): string[] {
  const from = sources[site]?.[channel];
  const before = from === undefined ? [] : pathOf({ sources } as Topology, channel, from, without);
  return site === without ? before : [...before, site];
}

/**
 * The routes of a site: of each channel its one source.
 *
 * @param alternatives also the source of a source that may leave, by hand
 */
export function routesOf(
  { sources, victim }: Topology,
  site: string,
  { alternatives, policy }: { readonly alternatives: boolean; readonly policy: string },
): object {
  const channels = Object.entries(sources[site] ?? {}).map(([channel, source]) => {
    const behind = source === victim ? sources[victim]?.[channel] : undefined;
    const from = alternatives && behind !== undefined ? [source, behind] : [source];
    return [channel, { input: { from } }];
  });
  return { channels: Object.fromEntries(channels), reshaping: { policy } };
}
