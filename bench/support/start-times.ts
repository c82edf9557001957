import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median } from "./median.ts";

/** The command line as it is published. */
export const CLI = fileURLToPath(new URL("../../bundle/cli.cjs", import.meta.url));

/** Times of one round, ms. */
export interface StartRound {
  /** `node -e 0`, to its end. */
  readonly bare: number;
  /** `meander --version`, to its end. */
  readonly version: number;
  /** `meander site`, until `/health` answers. */
  readonly siteReady: number;
}

/** Medians of the rounds, ms, and of the ratios within each round. */
export interface StartTimes {
  readonly bareMs: number;
  readonly versionMs: number;
  readonly siteReadyMs: number;
  readonly versionRatio: number;
  readonly siteReadyRatio: number;
}

const POLL_MS = 2;
const READY_MS_MAX = 30_000;
/** For a site to be done with its start, and for what it compiled to be kept, ms. */
const WARM_MS = 8_000;

/** What processes get, so that no cache of this user's is used or changed. */
export function environment(folder: string, isCached: boolean): NodeJS.ProcessEnv {
  return {
    ...process.env,
    XDG_CACHE_HOME: join(folder, "cache"),
    NODE_DISABLE_COMPILE_CACHE: isCached ? "0" : "1",
  };
}

/** Starts a site once for what it compiles to be kept. */
export async function warmCache(folder: string): Promise<void> {
  const site = await readySite(folder, environment(folder, true));
  await sleep(WARM_MS);
  await site.stop();
}

/** All three, one after the other, as often as told. */
export async function measureStarts(
  folder: string,
  { rounds, isCached }: { readonly rounds: number; readonly isCached: boolean },
): Promise<StartTimes> {
  const env = environment(folder, isCached);
  const all: StartRound[] = [];
  // The first round brings the files into memory.
  for (let round = 0; round <= rounds; round++) {
    const bare = await runMs(["-e", "0"], env);
    const version = await runMs([CLI, "--version"], env);
    const site = await readySite(folder, env);
    await site.stop();
    if (round > 0) all.push({ bare, version, siteReady: site.ms });
  }
  return {
    bareMs: median(all.map(({ bare }) => bare)),
    versionMs: median(all.map(({ version }) => version)),
    siteReadyMs: median(all.map(({ siteReady }) => siteReady)),
    versionRatio: median(all.map(({ bare, version }) => version / bare)),
    siteReadyRatio: median(all.map(({ bare, siteReady }) => siteReady / bare)),
  };
}

async function runMs(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: "ignore", env });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with ${code}`);
  return performance.now() - start;
}

async function readySite(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly ms: number; stop(): Promise<void> }> {
  const port = await freePort();
  const data = await mkdtemp(join(folder, "start-"));
  const args = ["site", "--name", "start", "--http-port", `${port}`, "--data", data];
  const start = performance.now();
  const child = spawn(process.execPath, [CLI, ...args, "--log", "error"], {
    stdio: ["ignore", "ignore", "inherit"],
    env,
  });
  const ended = once(child, "exit");
  while (!(await isHealthy(port))) {
    if (child.exitCode !== null) throw new Error(`the site ended with ${child.exitCode}`);
    if (performance.now() - start > READY_MS_MAX) throw new Error("the site does not answer");
    await sleep(POLL_MS);
  }
  const ms = performance.now() - start;
  return {
    ms,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ port, host: "127.0.0.1", path: "/health", agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode === 200));
    });
    request.on("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
