import { MeanderError } from "../base/index.ts";
import type { Change, Directory, Json } from "../directory/index.ts";
import { defaultRouteConfig, type RouteConfig } from "./model.ts";
import { parseRouteConfig } from "./route-config.ts";

/** What a {@link SiteConfig} tells. */
export interface SiteConfigEvents {
  config(config: RouteConfig): void;
  /** What the directory has is no configuration; the last one holds. */
  problem(error: MeanderError): void;
}

/** The configuration of one site, in the directory under `config/NAME`. */
export class SiteConfig {
  readonly #directory: Directory;
  readonly #key: string;
  readonly #events: SiteConfigEvents;
  /** The last one told, as text. */
  #told: string | undefined;

  constructor(directory: Directory, site: string, events: SiteConfigEvents) {
    this.#directory = directory;
    this.#key = `config/${site}`;
    this.#events = events;
  }

  /** Keeps `config` unless the directory has the same, or, with `preferDirectory`, a valid one. */
  async offer(config: RouteConfig, preferDirectory: boolean): Promise<void> {
    const entry = await this.#directory.get(this.#key);
    const there = entry === undefined ? undefined : this.#parse(entry.value);
    const holds =
      there !== undefined &&
      !(there instanceof MeanderError) &&
      (preferDirectory || JSON.stringify(there) === JSON.stringify(config));
    if (!holds) await this.set(config);
  }

  /** @throws {MeanderError} `config-invalid` and the directory's */
  async set(config: unknown): Promise<void> {
    const parsed = parseRouteConfig(config, "configuration");
    await this.#directory.put(this.#key, parsed as unknown as Json);
  }

  /** Takes what a watch of the key told. */
  take(change: Change): void {
    if (change.type === "put" && change.entry.key === this.#key) {
      const config = this.#parse(change.entry.value);
      if (config instanceof MeanderError) this.#events.problem(config);
      else this.#tell(config);
    }
    // A key that vanishes changes nothing: a directory that was lost must not cost the routes of those that still run.
    if (change.type === "synced" && this.#told === undefined) this.#tell(defaultRouteConfig());
  }

  #parse(value: Json): RouteConfig | MeanderError {
    try {
      return parseRouteConfig(
        typeof value === "string" ? [value] : value,
        `directory key ${this.#key}`,
      );
    } catch (error) {
      if (error instanceof MeanderError) return error;
      throw error;
    }
  }

  #tell(config: RouteConfig): void {
    const text = JSON.stringify(config);
    if (text === this.#told) return;
    this.#told = text;
    this.#events.config(config);
  }
}
