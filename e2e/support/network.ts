import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SiteClient } from "../../src/site/index.ts";
import { checkLogLines } from "./log-lines.ts";
import { json, meanderWith, type Running } from "./processes.ts";

/** A site in a process of its own. */
export interface SiteProcess {
  readonly name: string;
  /** `http://127.0.0.1:40001` */
  readonly url: string;
  readonly httpPort: number;
  readonly udpPort: number;
  readonly pid: number;
  readonly client: SiteClient;
  readonly running: Running;
}

type Snapshot = Awaited<ReturnType<SiteClient["site"]>>["snapshot"];

/** What the site reports of an open channel; undefined while it is not open there. */
export async function channelAt(
  site: SiteProcess,
  name: string,
): Promise<Snapshot["channels"][number] | undefined> {
  const { snapshot } = await site.client.site();
  return snapshot.channels.find((channel) => channel.name === name);
}

/** A session of sites, each a process, on free ports, with its data in a temporary folder. */
export class Network implements AsyncDisposable {
  readonly #folder: string;
  readonly #sites = new Map<string, SiteProcess>();
  #leader: SiteProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts the sites; the first leads, the others join it. */
  static open(leader: string, ...others: readonly string[]): Promise<Network> {
    return Network.openWith([], leader, ...others);
  }

  /** The same, all with these arguments. */
  static async openWith(
    more: readonly string[],
    leader: string,
    ...others: readonly string[]
  ): Promise<Network> {
    const network = new Network(await mkdtemp(join(tmpdir(), "meander-e2e-")));
    try {
      await network.start(leader, ...more);
      await Promise.all(others.map((name) => network.start(name, ...more)));
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For files of a test. */
  get folder(): string {
    return this.#folder;
  }

  site(name: string): SiteProcess {
    const found = this.#sites.get(name);
    if (found === undefined) throw new Error(`no site ${name} was started`);
    return found;
  }

  /** Starts a site, or one that has ended again, with its data and on its ports. */
  start(name: string, ...more: readonly string[]): Promise<SiteProcess> {
    return this.startWith({}, name, ...more);
  }

  /** The same, in an environment with more variables. */
  async startWith(
    env: NodeJS.ProcessEnv,
    name: string,
    ...more: readonly string[]
  ): Promise<SiteProcess> {
    const before = this.#sites.get(name);
    const leads = this.#leader === undefined || this.#leader.name === name;
    const running = meanderWith(
      env,
      ...["site", "--json", "--log", "info", "--name", name],
      ...["--http-port", `${before?.httpPort ?? 0}`, "--udp-port", `${before?.udpPort ?? 0}`],
      ...["--data", join(this.#folder, name)],
      ...(leads ? [] : ["--join", this.#leader?.url ?? ""]),
      ...more,
    );
    const { url, http, udp, pid } = await running.line((line) =>
      json<{ url: string; http: { port: number }; udp: { port: number }; pid: number }>(line),
    );
    const client = new SiteClient(url);
    const site = { name, url, httpPort: http.port, udpPort: udp.port, pid, client, running };
    this.#sites.set(name, site);
    if (leads) this.#leader = site;
    return site;
  }

  /**
   * Kills a site. The next run takes it for one that had lived long; with `isSoon`, for one that died soon after its
   * start, which it may have.
   */
  async kill(name: string, { isSoon = false } = {}): Promise<void> {
    const { running } = this.site(name);
    running.child.kill("SIGKILL");
    await running.ended;
    if (!isSoon) await rm(join(this.#folder, name, "started"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sites.values()].map(({ running }) => running.stop()));
    await rm(this.#folder, { recursive: true, force: true });
    for (const { name, running } of this.#sites.values()) checkLogLines(name, running.stderr());
  }
}
