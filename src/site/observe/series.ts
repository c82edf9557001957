/** How values of a shorter time become one of a longer one: rates are averaged, delays keep their maximum. */
export type Fold = "mean" | "max";

/** What a series of statistics holds. */
export interface SeriesKind {
  readonly unit: "bit/s" | "1/s" | "count" | "ms" | "bytes" | "share";
  readonly fold: Fold;
  /** For people. */
  readonly title: string;
}

/** Series of a site. */
export const SITE_SERIES = {
  "bits-in": { unit: "bit/s", fold: "mean", title: "in" },
  "bits-out": { unit: "bit/s", fold: "mean", title: "out" },
  "packets-in": { unit: "1/s", fold: "mean", title: "packets in" },
  "packets-out": { unit: "1/s", fold: "mean", title: "packets out" },
  drops: { unit: "1/s", fold: "mean", title: "drops" },
  channels: { unit: "count", fold: "mean", title: "channels" },
  subscribers: { unit: "count", fold: "mean", title: "subscribers" },
  viewers: { unit: "count", fold: "mean", title: "viewers" },
  streams: { unit: "count", fold: "mean", title: "streams" },
  cpu: { unit: "share", fold: "mean", title: "cpu" },
  rss: { unit: "bytes", fold: "max", title: "memory" },
  "loop-plane": { unit: "ms", fold: "max", title: "plane waits" },
  "loop-main": { unit: "ms", fold: "max", title: "main waits" },
  descriptors: { unit: "count", fold: "max", title: "descriptors" },
} as const satisfies Readonly<Record<string, SeriesKind>>;

/** Series of a channel. */
export const CHANNEL_SERIES = {
  "bits-in": { unit: "bit/s", fold: "mean", title: "in" },
  "bits-out": { unit: "bit/s", fold: "mean", title: "out" },
  "packets-in": { unit: "1/s", fold: "mean", title: "packets in" },
  "packets-out": { unit: "1/s", fold: "mean", title: "packets out" },
  subscribers: { unit: "count", fold: "mean", title: "subscribers" },
  latency: { unit: "ms", fold: "max", title: "latency" },
  jitter: { unit: "ms", fold: "max", title: "jitter" },
  lag: { unit: "ms", fold: "max", title: "slowest" },
  drops: { unit: "1/s", fold: "mean", title: "drops" },
} as const satisfies Readonly<Record<string, SeriesKind>>;

/** Begins the names of series of drops for one reason: `drops.lost`. */
export const REASON_PREFIX = "drops.";

/** The kind of a series by its name; of a site or a channel, which agree. */
export function seriesKindOf(name: string): SeriesKind {
  const known: Readonly<Record<string, SeriesKind>> = { ...SITE_SERIES, ...CHANNEL_SERIES };
  const kind = Object.hasOwn(known, name) ? known[name] : undefined;
  if (kind !== undefined) return kind;
  return { unit: "1/s", fold: "mean", title: name.replace(REASON_PREFIX, "drops, ") };
}
