import { delay, LIMITS, type MeanderError, messageOf } from "../base/index.ts";
import { siteUrlOf } from "../client/index.ts";
import { defaultRouteConfig } from "../session/index.ts";
import { principalText } from "../trust/index.ts";
import { admitBy } from "./access/admit.ts";
import type { HttpRequest, HttpResponse } from "./http/messages.ts";
import type { SiteOptions } from "./site-options.ts";
import type { SiteParts } from "./site-parts.ts";
import type { CompletePorts } from "./site-ports.ts";

/** How long a stopping site waits to announce that to its directory, ms. */
const LEAVE_MS_MAX = 2_000;
/** How long a stopping site waits for its streams to move away, ms. */
const EVACUATE_MS_MAX = 3_000;

/** How a site joins its session, and how it leaves it: in order, or because its plane has failed. */
export class SiteLifecycle {
  /** Settles when the site has ended: undefined after `stop`, else why. */
  readonly ended: Promise<MeanderError | undefined>;
  readonly #parts: SiteParts;
  readonly #options: SiteOptions;
  readonly #ports: CompletePorts;
  #end: (error: MeanderError | undefined) => void = () => {};
  #stopping: Promise<void> | undefined;

  constructor(parts: SiteParts, options: SiteOptions, ports: CompletePorts) {
    this.#parts = parts;
    this.#options = options;
    this.#ports = ports;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    void parts.plane.failed.then((error) => this.#fail(error));
  }

  /**
   * Joins the session, or opens the one that this site leads; then configuration, shells and requests are served.
   *
   * @param answer answers HTTP requests
   * @throws {MeanderError} `join-failed`, `directory-…`, `records-…`
   */
  async join(answer: (request: HttpRequest) => Promise<HttpResponse>): Promise<void> {
    const { plane, link, streams, config, security, operations, gateway, record, siteInstance } =
      this.#parts;
    this.#haltStreams();
    const { linkKey } = await link.start();
    const { maxSubscribers, maxBitsPerSecond } = defaultRouteConfig();
    const { site, instance } = siteInstance;
    await plane.configure({ site, instance, linkKey, maxSubscribers, maxBitsPerSecond });
    streams.join(siteInstance, linkKey);
    link.release();
    await config.start(link.directory, this.#options.routes);
    const { guard } = security.access;
    const attaches = { what: "shell.attach", on: `site ${site}` } as const;
    plane.onShell((socket, address) =>
      streams.accept(socket, admitBy(guard, "shell", address, attaches, { site })),
    );
    plane.onRequest(answer);
    await operations.start();
    void operations.takeOver((handover, failed) => gateway.takeOver(handover, failed));
    security.start(() => link.announceSelf());
    this.#note("site.start");
    this.#ports.log.info("The site is up.", {
      url: siteUrlOf(record),
      udp: record.udp.port,
      streams: record.streams?.port,
      leader: record.leader,
    });
  }

  /** Closes what {@link join} opened, after it has failed. */
  async abandon(): Promise<void> {
    const { operations, config, link, plane, starts } = this.#parts;
    starts.end();
    operations.monitor[Symbol.dispose]();
    config.stop();
    await link.close();
    await plane.close();
  }

  /**
   * Moves its streams to other sites, leaves the session, has neighbours and viewers continue elsewhere, and closes the
   * sockets. Idempotent: every call settles with the same end.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #fail(error: MeanderError): void {
    const { operations, recordings } = this.#parts;
    this.#ports.log.error("The site ends, because its plane is gone.", { error: error.message });
    void operations.stop();
    void recordings.stop();
    this.#stopping ??= this.#close().then(() => this.#parts.audit.close());
    this.#end(error);
  }

  /** What the site does by itself. */
  #note(what: "site.start" | "site.stop"): void {
    const { name, version } = this.#parts.record;
    const [by, on] = [principalText({ kind: "site", name }), `site ${name}, version ${version}`];
    this.#parts.audit.note({ by, what, on, verdict: "allowed", rule: "its own process" });
  }

  /** Where that was asked for, or where this site died soon after its start again and again. */
  #haltStreams(): void {
    const { starts, streams } = this.#parts;
    // The sites of a demo are killed to be looked at.
    const quickDeaths = this.#ports.demo === undefined ? starts.begin() : 0;
    const seconds = LIMITS.quickDeathMs / 1_000;
    const why = this.#options.halted
      ? "it was started with --halted"
      : quickDeaths >= LIMITS.quickDeathsMax
        ? `its last ${quickDeaths} runs died within ${seconds} s of their start`
        : undefined;
    if (why === undefined) return;
    streams.halt(why);
    this.#ports.log.warn("The streams of the site are halted; media flows.", {
      why,
      next: "`meander stream inspect` and `stream dead` show what they have; `meander stream resume` has them go on",
    });
  }

  async #stop(): Promise<void> {
    const { operations, recordings, streams, link, router, plane, starts } = this.#parts;
    const { clock, log } = this.#ports;
    log.info("The site stops.");
    this.#note("site.stop");
    const evacuated = this.#options.evacuate ? this.#evacuate() : undefined;
    await Promise.all([evacuated, operations.depart(), recordings.stop()]);
    await operations.stop();
    await streams.stop();
    const leaving = link.leave().catch((error: unknown) => {
      log.warn("The directory was not told that the site stops.", { error: messageOf(error) });
    });
    await Promise.race([leaving, delay(clock, "leave", LEAVE_MS_MAX)]);
    router.close();
    await this.#close();
    await plane.close();
    await this.#parts.audit.close();
    starts.end();
    this.#end(undefined);
  }

  async #close(): Promise<void> {
    const { config, security, streams, link } = this.#parts;
    config.stop();
    security.close();
    await streams.stop();
    await link.close();
    await streams.close();
  }

  /** What does not move in time is taken over by its failure manager when the site has left. */
  async #evacuate(): Promise<void> {
    const { streams, neighbourhood, link } = this.#parts;
    const { log } = this.#ports;
    if (streams.residentCount === 0 || neighbourhood.sites.length < 2) return;
    try {
      const outcome = await link.evacuate(EVACUATE_MS_MAX);
      log.info("The streams of the site have moved away.", outcome);
    } catch (error) {
      log.warn("Not all streams of the site have moved away.", { error: messageOf(error) });
    }
  }
}
