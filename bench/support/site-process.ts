import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { SiteClient } from "../../src/site/index.ts";
import { Child } from "./child.ts";
import { CLI } from "./start-times.ts";

/** A site as `meander site` runs it. */
export interface SiteProcess {
  readonly pid: number;
  /** Of its HTTP port, on 127.0.0.1 unless its options name another host. */
  readonly port: number;
  /** Of its links over UDP. */
  readonly udpPort: number;
  readonly client: SiteClient;
  /** Sends its process a signal. */
  signal(name: NodeJS.Signals): void;
  /** Settles when its process has ended. */
  ended(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a site on ports of its own.
 *
 * @param folder for its data
 * @param more options of `meander site`, which replace those that are given here, and of Node before them; the
 *   environment instead of this process's; words before the command, such as `ip netns exec NAME`
 */
export async function startSite(
  folder: string,
  more: {
    readonly site?: readonly string[];
    readonly node?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
    readonly before?: readonly string[];
  } = {},
): Promise<SiteProcess> {
  const data = await mkdtemp(join(folder, "site-"));
  const options = ["--name", "bench", "--http-port", "0", "--data", data, "--log", "error"];
  const [command = "", ...words] = [...(more.before ?? []), process.execPath];
  const child = new Child(
    command,
    [...words, ...(more.node ?? []), CLI, "site", ...options, "--json", ...(more.site ?? [])],
    more.env,
  );
  const { udp, url } = await child.line<{ url: string; udp: { port: number } }>();
  return {
    pid: child.pid,
    port: Number(new URL(url).port),
    udpPort: udp.port,
    client: new SiteClient(url),
    signal: (name) => child.signal(name),
    ended: () => child.ended(),
    stop: () => child.stop(),
  };
}
