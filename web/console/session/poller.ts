import type { Cancel, Clock } from "../../../src/base/index.ts";
import type { SiteRecord } from "../../../src/session/index.ts";
import {
  type Network,
  type Observation,
  observe,
  type SessionView,
  type SiteView,
  stateOf,
  UNKNOWN_NETWORK,
} from "../../../src/view/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { ask } from "./ask.ts";

const PERIOD_MS = 1_000;
/** A site that failed to answer is asked again after this, ms. */
const RETRY_MS = 250;
/** Answers that arrive within this are shown together, ms. */
const SETTLE_MS = 30;
/** The first view is shown after this even if a site has not answered, ms. */
const FIRST_MS = 400;

/** Options of a {@link Poller}. */
export interface PollerOptions {
  readonly clock: Clock;
  /** Origin of the site that served the page: `http://127.0.0.1:7000`. */
  readonly origin: string;
  /** Shown to all sites. */
  readonly token: SessionToken;
  /** Called with each new value of the network, at most every few ms. */
  readonly onChange: (network: Network) => void;
}

/**
 * Asks the session and each of its sites once a second, and keeps the result as a {@link Network}. When the site that
 * served the page does not answer, another site is asked about the session.
 */
export class Poller {
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #token: SessionToken;
  readonly #onChange: (network: Network) => void;
  readonly #asking = new Set<string>();
  readonly #timers = new Set<Cancel>();
  #network = UNKNOWN_NETWORK;
  #servedBy: string | undefined;
  #startedAt = 0;
  #settling = false;
  #stopped = false;

  constructor({ clock, origin, token, onChange }: PollerOptions) {
    this.#clock = clock;
    this.#origin = origin;
    this.#token = token;
    this.#onChange = onChange;
  }

  /** The token shown to the sites. */
  get token(): SessionToken {
    return this.#token;
  }

  /** Name of the site that served the page; undefined until known. */
  get servedBy(): string | undefined {
    return this.#servedBy;
  }

  /** Starts polling. Call once. */
  start(): void {
    this.#startedAt = this.#clock.now();
    const round = (): void => {
      this.poll();
      this.#after("console round", PERIOD_MS, round);
    };
    round();
  }

  /** Stops polling; `onChange` is not called afterwards. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
  }

  /** Asks the session and every site now, except those whose answer is pending. */
  poll(): void {
    void this.#once("", () => this.#askSession());
    for (const name of this.#network.sites.keys()) this.#pollSite(name);
  }

  /** HTTP address of a site, as this page reaches it. */
  urlOf(record: SiteRecord): string {
    if (record.name === this.#servedBy) return this.#origin;
    const host = record.http.host.includes(":") ? `[${record.http.host}]` : record.http.host;
    return `${record.tls === undefined ? "http" : "https"}://${host}:${record.http.port}`;
  }

  async #askSession(): Promise<void> {
    let reason = "no answer";
    for (const url of this.#sessionSources()) {
      const answer = await ask(this.#clock, `${url}/api/session`, isSessionView, this.#token);
      if (typeof answer === "object") {
        if (url === this.#origin) this.#servedBy = answer.self;
        this.#note({ type: "session-answered", view: answer });
        for (const [name, site] of this.#network.sites)
          if (site.now === undefined) this.#pollSite(name);
        return;
      }
      reason = answer;
    }
    this.#note({ type: "session-failed", reason });
  }

  /** The site that served the page first, then those that answered last time. */
  #sessionSources(): readonly string[] {
    const others = [...this.#network.sites.values()]
      .filter((site) => site.failures === 0 && site.name !== this.#servedBy)
      .map((site) => this.urlOf(site.record));
    const served = this.#network.sites.get(this.#servedBy ?? "");
    const servedIsDown =
      served !== undefined && stateOf(this.#network, served.name).state === "down";
    return servedIsDown ? [...others, this.#origin] : [this.#origin, ...others];
  }

  #pollSite(name: string): void {
    void this.#once(name, async () => {
      const site = this.#network.sites.get(name);
      if (site === undefined) return;
      const url = `${this.urlOf(site.record)}/api/site`;
      const answer = await ask(this.#clock, url, isSiteView, this.#token);
      if (typeof answer === "object" && answer.site.name === name) {
        this.#token.taken();
        this.#note({ type: "site-answered", name, view: answer });
        return;
      }
      const reason =
        typeof answer === "string" ? answer : `${answer.site.name} answers at its address`;
      this.#note({ type: "site-failed", name, reason });
      if (site.failures === 0) this.#after("console retry", RETRY_MS, () => this.#pollSite(name));
    });
  }

  async #once(key: string, task: () => Promise<void>): Promise<void> {
    if (this.#asking.has(key)) return;
    this.#asking.add(key);
    try {
      await task();
    } finally {
      this.#asking.delete(key);
    }
  }

  #note(observation: Observation): void {
    this.#network = observe(this.#network, observation);
    if (this.#settling) return;
    this.#settling = true;
    this.#after("console settle", SETTLE_MS, () => this.#show());
  }

  #show(): void {
    const young = this.#clock.now() - this.#startedAt < FIRST_MS;
    const names = [...this.#network.sites.keys()];
    if (young && names.some((name) => stateOf(this.#network, name).state === "waiting")) {
      this.#after("console settle", SETTLE_MS, () => this.#show());
      return;
    }
    this.#settling = false;
    this.#onChange(this.#network);
  }

  #after(name: string, delayMs: number, task: () => void): void {
    const cancel = this.#clock.after(name, delayMs, () => {
      this.#timers.delete(cancel);
      if (!this.#stopped) task();
    });
    this.#timers.add(cancel);
  }
}

function isSessionView(value: unknown): value is SessionView {
  const view = value as Partial<SessionView> | null;
  return (
    typeof view?.self === "string" && Array.isArray(view.sites) && Array.isArray(view.channels)
  );
}

function isSiteView(value: unknown): value is SiteView {
  const view = value as Partial<SiteView> | null;
  return typeof view?.site?.name === "string" && Array.isArray(view.snapshot?.channels);
}
