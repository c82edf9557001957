import { LIMITS } from "../../base/index.ts";
import { seriesKindOf } from "./series.ts";
import { LEVELS, type Level, SeriesRing } from "./series-ring.ts";

/** Whose series they are: the site's (empty), or a channel's, by name. */
export type Owner = string;

/** The site itself, as the owner of series. */
export const SITE: Owner = "";

/** A part of the history in one resolution. */
export interface HistoryPart {
  /** Wall clock of the first value, ms. */
  readonly fromMs: number;
  /** Time between two values, ms. */
  readonly stepMs: number;
  readonly series: readonly {
    readonly name: string;
    /** As many for each series; null where there is none. */
    readonly values: readonly (number | null)[];
  }[];
}

/** Series as they are written to disk. */
export interface SavedSeries {
  readonly owner: Owner;
  readonly name: string;
  readonly rings: readonly ReturnType<SeriesRing["save"]>[];
}

interface Series {
  readonly owner: Owner;
  readonly name: string;
  readonly rings: readonly SeriesRing[];
  putAt: number;
}

/**
 * What a site remembers of its rates and gauges: a bounded number of series, each in several resolutions. A new series
 * takes
 * the place of the series without a value for the longest time; while all have one, it is not kept.
 */
export class StatsHistory {
  readonly #seriesMax: number;
  readonly #owners = new Map<Owner, Map<string, Series>>();
  #count = 0;
  #refused = 0;
  /** No room can be made before then. */
  #fullUntil = 0;

  constructor({ seriesMax = LIMITS.statsSeriesMax }: { readonly seriesMax?: number } = {}) {
    this.#seriesMax = seriesMax;
  }

  /** Series kept. */
  get seriesCount(): number {
    return this.#count;
  }

  /** Values for which there was no room. */
  get refusedCount(): number {
    return this.#refused;
  }

  /** Channels of which something is kept, by name. */
  get channels(): readonly string[] {
    return [...this.#owners.keys()].filter((owner) => owner !== SITE).sort();
  }

  /** Records values. @param atMs wall clock, which must not go back; undefined values are left out */
  record(atMs: number, owner: Owner, values: Readonly<Record<string, number | undefined>>): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined || !Number.isFinite(value)) continue;
      const series = this.#owners.get(owner)?.get(name) ?? this.#make(owner, name, atMs);
      if (series === undefined) {
        this.#refused++;
        continue;
      }
      series.putAt = atMs;
      for (const ring of series.rings) ring.put(atMs, value);
    }
  }

  /** Names of an owner's series, as they were made. */
  namesOf(owner: Owner): readonly string[] {
    return [...(this.#owners.get(owner)?.keys() ?? [])];
  }

  /** The last `sinceMs` of an owner's series, in the finest resolution that reaches that far. */
  read(
    owner: Owner,
    options: {
      readonly nowMs: number;
      readonly sinceMs: number;
      /** Undefined: all. */
      readonly names?: readonly string[] | undefined;
    },
  ): HistoryPart {
    const { nowMs, sinceMs, names } = options;
    const [index, level] = levelFor(sinceMs);
    const to = Math.floor(nowMs / level.stepMs);
    const from = Math.max(0, to - Math.min(level.count, Math.ceil(sinceMs / level.stepMs)) + 1);
    const all = [...(this.#owners.get(owner)?.values() ?? [])];
    const chosen = names === undefined ? all : all.filter(({ name }) => names.includes(name));
    return {
      fromMs: from * level.stepMs,
      stepMs: level.stepMs,
      series: chosen.map(({ name, rings }) => ({
        name,
        values: (rings[index] as SeriesRing).read(from, to),
      })),
    };
  }

  /** All that is kept, for {@link restore}. */
  save(): readonly SavedSeries[] {
    return [...this.#owners.values()].flatMap((owned) =>
      [...owned.values()].map(({ owner, name, rings }) => ({
        owner,
        name,
        rings: rings.map((ring) => ring.save()),
      })),
    );
  }

  /**
   * Continues from what was saved; rings must have the length of their level. What lies ahead of `nowMs` is left out:
   * it was
   * written before the machine's clock was set back.
   */
  restore(saved: readonly SavedSeries[], nowMs: number): void {
    for (const { owner, name, rings } of saved) {
      const putAt = (rings[0]?.last ?? 0) * (LEVELS[0] as Level).stepMs;
      if (putAt > nowMs) continue;
      const series = this.#make(owner, name, putAt);
      for (const [index, ring] of rings.entries()) {
        if (ring !== undefined) series?.rings[index]?.restore(ring.last, ring.values);
      }
    }
  }

  #make(owner: Owner, name: string, atMs: number): Series | undefined {
    if (this.#count >= this.#seriesMax && !this.#evict(atMs)) return undefined;
    const { fold } = seriesKindOf(name);
    const rings = LEVELS.map((level) => new SeriesRing(level, fold));
    const series = { owner, name, rings, putAt: atMs };
    const owned = this.#owners.get(owner) ?? new Map<string, Series>();
    this.#owners.set(owner, owned.set(name, series));
    this.#count++;
    return series;
  }

  /** Makes room by removing the series without a value for the longest time. False: all have a recent one. */
  #evict(atMs: number): boolean {
    if (atMs < this.#fullUntil) return false;
    let idle: Series | undefined;
    for (const owned of this.#owners.values()) {
      for (const series of owned.values()) {
        if (idle === undefined || series.putAt < idle.putAt) idle = series;
      }
    }
    if (idle === undefined || idle.putAt >= atMs - IDLE_MS) {
      this.#fullUntil = atMs + IDLE_MS;
      return false;
    }
    const owned = this.#owners.get(idle.owner);
    owned?.delete(idle.name);
    if (owned?.size === 0) this.#owners.delete(idle.owner);
    this.#count--;
    return true;
  }
}

/** A series that had a value this recently is in use, ms. */
const IDLE_MS = 5_000;

function levelFor(sinceMs: number): readonly [index: number, level: Level] {
  const index = LEVELS.findIndex(({ stepMs, count }) => stepMs * count >= sinceMs);
  const found = index < 0 ? LEVELS.length - 1 : index;
  return [found, LEVELS[found] as Level];
}
