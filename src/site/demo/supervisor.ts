import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, delay, MeanderError, messageOf, type Random } from "../../base/index.ts";
import type { DemoAction } from "../../client/contract/index.ts";
import { SiteClient } from "../../client/index.ts";
import { RESTART_CODE } from "../operations/restart.ts";
import { Child, type ChildEnd } from "./child.ts";
import { childLine } from "./child-line.ts";
import { DEMO_VARIABLE } from "./demo-link.ts";
import { type FromSupervisor, toSupervisorSchema } from "./demo-messages.ts";
import { DEMO_CHANNELS, DEMO_SITES, demoRoutes } from "./demo-plan.ts";
import { DemoPublishers } from "./demo-publishers.ts";
import { findFreePorts } from "./free-ports.ts";

/** How a demo runs. */
export interface DemoOptions {
  /** The module of the command line: sites and publishers are `node MODULE site …`. */
  readonly module: string;
  /** First port to try; sites take the next free ones. */
  readonly basePort: number;
  /** File of the clip to publish; undefined: publish nothing. */
  readonly clip: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What happened, in words for the terminal. */
  onNote(line: string): void;
}

/** A running site of the demo. */
export interface DemoSite {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

interface Place {
  readonly name: string;
  readonly port: number;
  child: Child | undefined;
  /** What was asked of it, so that its end is expected. */
  ending: DemoAction | undefined;
}

const HOST = "127.0.0.1";
/** Longest time for a site to join, and for media to reach the last one, ms. */
const UP_MS_MAX = 20_000;
const POLL_MS = 50;

/** Runs the demo: a leader and three relays, and the publishers of what they relay, each in its own process. */
export class DemoSupervisor {
  readonly #options: DemoOptions;
  readonly #places: readonly Place[];
  readonly #folder: string;
  readonly #publishers: DemoPublishers;
  #isStopping = false;

  /**
   * Settles when media arrives at the last relay, or, without a clip, when all sites have joined.
   *
   * @throws {MeanderError} `demo-failed`, `port-in-use`
   */
  static async start(options: DemoOptions): Promise<DemoSupervisor> {
    const ports = await findFreePorts(HOST, options.basePort, DEMO_SITES.length);
    const folder = await mkdtemp(join(tmpdir(), "meander-demo-"));
    const supervisor = new DemoSupervisor(options, ports, folder);
    try {
      await supervisor.#open();
      return supervisor;
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  }

  private constructor(options: DemoOptions, ports: readonly number[], folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#places = DEMO_SITES.map((name, index) => {
      return { name, port: ports[index] as number, child: undefined, ending: undefined };
    });
    this.#publishers = new DemoPublishers({ ...options, url: urlOf(this.#place("origin")) });
  }

  /** The running sites, in the order in which they start. */
  get sites(): readonly DemoSite[] {
    return this.#places.flatMap((place) => {
      const { name, child } = place;
      return child === undefined ? [] : [{ name, url: urlOf(place), pid: child.pid }];
    });
  }

  /** Stops every process in order and removes the files they wrote. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#publishers.stop();
    // The leader last: the others leave its session first.
    const [leader, ...relays] = this.#places;
    await Promise.all(relays.map((place) => place.child?.stop(this.#options.clock)));
    await leader?.child?.stop(this.#options.clock);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Kills, stops or starts a site. @throws {MeanderError} `site-unknown`, `demo-refused`, `demo-failed` */
  async act(name: string, action: DemoAction): Promise<void> {
    const place = this.#place(name);
    if (action === "start") return this.#startAgain(place);
    const { child } = place;
    if (child === undefined)
      throw new MeanderError("demo-refused", `${name} is not running`, { expected: "start" });
    place.ending = action;
    await (action === "kill" ? child.kill() : child.stop(this.#options.clock));
  }

  async #open(): Promise<void> {
    const [leader, ...relays] = this.#places;
    if (leader === undefined) return;
    await this.#startSite(leader);
    this.#publishers.start();
    await Promise.all(
      relays.map(async (place) => {
        await this.#startSite(place);
        await new SiteClient(urlOf(place)).setRoutes(demoRoutes(place.name));
      }),
    );
    if (this.#options.clip !== undefined) await this.#mediaAt(this.#place("south"));
  }

  async #startAgain(place: Place): Promise<void> {
    if (place.child !== undefined) {
      throw new MeanderError("demo-refused", `${place.name} is already running`, {
        expected: "kill or stop",
      });
    }
    await this.#startSite(place);
    this.#options.onNote(`${place.name} is up again at ${urlOf(place)}/`);
    if (place.name === "origin") this.#publishers.start();
  }

  async #startSite(place: Place): Promise<void> {
    const { clock, module } = this.#options;
    const leader = this.#place("origin");
    const role = place === leader ? [] : ["--join", urlOf(leader)];
    const args = [
      "site",
      "--name",
      place.name,
      "--host",
      HOST,
      "--http-port",
      `${place.port}`,
      "--data",
      join(this.#folder, place.name),
      "--log",
      "warn",
      ...role,
    ];
    const { promise: up, resolve } = withResolver();
    const child: Child = Child.start({
      module,
      args,
      env: { [DEMO_VARIABLE]: "1" },
      onMessage: (message) => {
        const parsed = toSupervisorSchema.safeParse(message);
        if (!parsed.success) return;
        if (parsed.data.type === "up") resolve();
        else void this.#answer(child, parsed.data);
      },
      onLine: (line) => this.#options.onNote(childLine(place.name, line)),
    });
    place.child = child;
    place.ending = undefined;
    void child.ended.then((end) => this.#siteEnded(place, child, end));
    const late = delay(clock, "site up", UP_MS_MAX).then(
      () => `did not join within ${UP_MS_MAX / 1000} s`,
    );
    const ended = child.ended.then(({ code, signal }) => `ended with ${signal ?? `code ${code}`}`);
    const failure = await Promise.race([up, ended, late]);
    if (failure === undefined) return;
    if (!child.isEnded) await child.kill();
    throw new MeanderError("demo-failed", `the site ${place.name} ${failure}`, {
      next: "see its log lines above",
    });
  }

  #siteEnded(place: Place, child: Child, end: ChildEnd): void {
    if (place.child === child) place.child = undefined;
    if (place.name === "origin") void this.#publishers.stop();
    if (this.#isStopping) return;
    if (end.code === RESTART_CODE) {
      void this.#startAgain(place).catch((error: unknown) =>
        this.#options.onNote(messageOf(error)),
      );
      return;
    }
    const how = end.signal === null ? `ended with code ${end.code}` : `was killed by ${end.signal}`;
    const line = place.ending === "stop" ? `${place.name} stopped` : `${place.name} ${how}`;
    this.#options.onNote(`${line}; start it again from the console`);
  }

  async #answer(
    asker: Child,
    message: { id: number; site: string; action: DemoAction },
  ): Promise<void> {
    const { id, site, action } = message;
    const answer = await this.act(site, action).then(
      (): FromSupervisor => ({ type: "acted", id }),
      (error: unknown): FromSupervisor => {
        const known = error instanceof MeanderError ? error : undefined;
        const parts = { code: known?.code ?? "internal", what: known?.what ?? messageOf(error) };
        return {
          type: "acted",
          id,
          error: {
            ...parts,
            ...(known?.expected === undefined ? {} : { expected: known.expected }),
          },
        };
      },
    );
    asker.send(answer);
  }

  async #mediaAt(place: Place): Promise<void> {
    const { clock } = this.#options;
    const client = new SiteClient(urlOf(place));
    const deadline = clock.now() + UP_MS_MAX;
    for (;;) {
      const { snapshot } = await client.site();
      const flowing = Object.keys(DEMO_CHANNELS).every((name) =>
        snapshot.channels.some((channel) => channel.name === name && channel.packetsIn > 0),
      );
      if (flowing) return;
      if (clock.now() > deadline) {
        const what = `no media reached ${place.name} within ${UP_MS_MAX / 1000} s`;
        throw new MeanderError("demo-failed", what, { next: "see the log lines above" });
      }
      await delay(clock, "media", POLL_MS);
    }
  }

  #place(name: string): Place {
    const place = this.#places.find((each) => each.name === name);
    if (place !== undefined) return place;
    throw new MeanderError("site-unknown", "the demo has no site of that name", {
      where: name,
      expected: DEMO_SITES.join(", "),
    });
  }
}

function urlOf({ port }: Place): string {
  return `http://${HOST}:${port}`;
}

function withResolver(): { promise: Promise<undefined>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<undefined>((done) => {
    resolve = () => done(undefined);
  });
  return { promise, resolve };
}
