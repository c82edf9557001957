import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { SiteClient } from "../../src/site/index.ts";
import { Child } from "./child.ts";
import { CLI } from "./start-times.ts";

/** A site as `meander site` runs it. */
export interface SiteProcess {
  readonly pid: number;
  /** Of its HTTP port, on 127.0.0.1. */
  readonly port: number;
  readonly client: SiteClient;
  stop(): Promise<void>;
}

/**
 * Starts a site on ports of its own.
 *
 * @param folder for its data
 * @param more options of `meander site`, and of Node before them; the environment instead of this process's
 */
export async function startSite(
  folder: string,
  more: {
    readonly site?: readonly string[];
    readonly node?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<SiteProcess> {
  const data = await mkdtemp(join(folder, "site-"));
  const options = ["--name", "bench", "--http-port", "0", "--data", data, "--log", "error"];
  const child = new Child(
    process.execPath,
    [...(more.node ?? []), CLI, "site", ...options, "--json", ...(more.site ?? [])],
    more.env,
  );
  const { url } = await child.line<{ url: string }>();
  return {
    pid: child.pid,
    port: Number(new URL(url).port),
    client: new SiteClient(url),
    stop: () => child.stop(),
  };
}
