import { type Cancel, type Clock, type Log, MeanderError, messageOf } from "../base/index.ts";
import type { Change, Directory, Json } from "../directory/index.ts";
import { defaultRouteConfig, type RouteConfig } from "./model.ts";
import { type Outcome, RevisionWait } from "./revision-wait.ts";
import { parseRouteConfig } from "./route-config.ts";

/** What a {@link SiteConfig} needs. */
export interface SiteConfigOptions {
  /** The site whose configuration this is. */
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long `set` waits for the site to apply a configuration, ms ({@link APPLY_MS_MAX}). */
  readonly applyMs?: number;
  /**
   * Refuses what this site in particular cannot do, before a configuration is stored.
   *
   * @throws {MeanderError} `config-invalid`
   */
  check?(config: RouteConfig): void;
  /**
   * Applies a configuration; settles when that is done. Calls never overlap. Rejects with what could not be applied.
   */
  apply(config: RouteConfig): Promise<void>;
}

/** Longer than a site takes that applies a configuration at all. */
const APPLY_MS_MAX = 5_000;

/**
 * The configuration of one site, in the directory under `config/NAME`. There is one path: a configuration is parsed,
 * checked and stored, and the watch applies what the directory has, whichever client stored it.
 */
export class SiteConfig {
  readonly #options: SiteConfigOptions;
  readonly #key: string;
  #directory: Directory | undefined;
  #unwatch: (() => void) | undefined;
  #isStopped = false;
  #current = defaultRouteConfig();
  /** The last configuration that was applied as a whole, as text. */
  #applied: string | undefined;
  #isToldOf = false;
  #lastProblem = "";
  readonly #waits = new Set<RevisionWait>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: SiteConfigOptions) {
    this.#options = options;
    this.#key = `config/${options.site}`;
  }

  /** The configuration that was applied last; before the first, the default one. */
  get current(): RouteConfig {
    return this.#current;
  }

  /**
   * Parses and checks a configuration, and stores nothing.
   *
   * @param where named in errors before the faulty part
   * @throws {MeanderError} `config-invalid`
   */
  parse(input: unknown, where: string): RouteConfig {
    const { log, check } = this.#options;
    const config = parseRouteConfig(input, where, (text) => log.warn(text));
    check?.(config);
    return config;
  }

  /**
   * Stores the proposal, unless the directory has the same, and applies from now on what the directory has.
   *
   * @param proposal as from a file; undefined: the site starts with what the directory has
   * @throws {MeanderError} `config-invalid`, and the directory's
   */
  async start(directory: Directory, proposal?: RouteConfig): Promise<void> {
    this.#directory = directory;
    if (proposal !== undefined) await this.#offer(directory, this.parse(proposal, "configuration"));
    const unwatch = await directory.watch(this.#key, (change) => this.#take(change));
    if (this.#isStopped) unwatch();
    else this.#unwatch = unwatch;
  }

  /**
   * Stores a configuration, and settles when the site has applied it.
   *
   * @param where prefix of the path in errors
   * @returns the configuration with its defaults
   * @throws {MeanderError} `config-invalid` and the directory's errors, when nothing was stored; `config-not-applied`
   *   when it was
   */
  async set(input: unknown, where = "configuration"): Promise<RouteConfig> {
    const config = this.parse(input, where);
    const directory = this.#directory;
    if (directory === undefined || this.#isStopped) {
      throw new MeanderError(
        "directory-closed",
        "the site has not joined its session, or has left it",
        {
          where: `site ${this.#options.site}`,
        },
      );
    }
    await this.#store(directory, config);
    return config;
  }

  /** Applies nothing from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#unwatch?.();
    for (const wait of this.#waits) wait.end(this.#notApplied("the site left the session"));
  }

  async #offer(directory: Directory, config: RouteConfig): Promise<void> {
    const entry = await directory.get(this.#key);
    const stored = entry === undefined ? undefined : this.#read(entry.value);
    if (JSON.stringify(stored) === JSON.stringify(config)) return;
    await directory.put(this.#key, config as unknown as Json);
  }

  async #store(directory: Directory, config: RouteConfig): Promise<void> {
    const { clock, applyMs = APPLY_MS_MAX } = this.#options;
    const wait = new RevisionWait();
    this.#waits.add(wait);
    let cancel: Cancel = () => {};
    try {
      wait.want(await directory.put(this.#key, config as unknown as Json));
      const late = (): void => wait.end(this.#notApplied(`that took longer than ${applyMs} ms`));
      cancel = clock.after("apply configuration", applyMs, late);
      const failure = await wait.outcome;
      if (failure !== undefined) throw failure;
    } finally {
      cancel();
      this.#waits.delete(wait);
    }
  }

  /** Applies a change of the watch of the key. */
  #take(change: Change): void {
    if (change.type === "put" && change.entry.key === this.#key) {
      const { value, revision } = change.entry;
      this.#isToldOf = true;
      const config = this.#read(value);
      if (config instanceof MeanderError) this.#refuse(config, revision);
      else this.#enqueue(config, revision);
    }
    // A key that vanishes changes nothing: a directory that was lost must not cost the routes of sites that still run.
    if (change.type === "synced" && !this.#isToldOf) {
      this.#isToldOf = true;
      this.#enqueue(defaultRouteConfig(), 0);
    }
  }

  #enqueue(config: RouteConfig, revision: number): void {
    this.#work = this.#work.then(async () => {
      if (!this.#isStopped) this.#settle(revision, await this.#apply(config));
    });
  }

  async #apply(config: RouteConfig): Promise<Outcome> {
    const text = JSON.stringify(config);
    this.#lastProblem = "";
    // Watches report everything again after each reconnect.
    if (text === this.#applied) return undefined;
    this.#current = config;
    try {
      await this.#options.apply(config);
      this.#applied = text;
      return undefined;
    } catch (error) {
      this.#applied = undefined;
      return this.#notApplied(messageOf(error), error);
    }
  }

  #refuse(error: MeanderError, revision: number): void {
    const { code, message } = error;
    // A lasting fault is reported again after each reconnect.
    if (message !== this.#lastProblem) {
      const facts = { code, error: message };
      this.#options.log.error(
        "The stored configuration is invalid; the last valid one stays in force.",
        facts,
      );
    }
    this.#lastProblem = message;
    this.#settle(revision, this.#notApplied(message, error));
  }

  #settle(revision: number, outcome: Outcome): void {
    for (const wait of this.#waits) wait.note(revision, outcome);
  }

  #read(value: Json): RouteConfig | MeanderError {
    try {
      // A string is not a configuration here, though it might hold the JSON of one. Former key names are not reported:
      // an earlier version of the site wrote them.
      return parseRouteConfig(
        typeof value === "string" ? [value] : value,
        `directory key ${this.#key}`,
      );
    } catch (error) {
      if (error instanceof MeanderError) return error;
      throw error;
    }
  }

  #notApplied(reason: string, cause?: unknown): MeanderError {
    return new MeanderError("config-not-applied", `stored, but not applied: ${reason}`, {
      where: `site ${this.#options.site}`,
      next: "the site applies it as soon as it can; see its log and /health",
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
