import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";

/** A NATS server of our own. */
export interface NatsServer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const START_MS_MAX = 10_000;
const POLL_MS = 20;

/**
 * Starts `nats-server` with JetStream on a free port of loopback.
 *
 * @param folder for what it leaves behind
 * @returns undefined where it is not installed
 */
export async function openNatsServer(folder: string): Promise<NatsServer | undefined> {
  if (spawnSync("nats-server", ["--version"]).status !== 0) return undefined;
  const home = await mkdtemp(join(folder, "nats-"));
  const child = new Child("nats-server", [
    ...["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", home],
    ...["--jetstream", "--store_dir", join(home, "store"), "--log", join(home, "log")],
  ]);
  const stop = (): Promise<void> => child.stop();
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    const port = portIn(home);
    if (port !== undefined) return { port, pid: child.pid, stop };
    if (performance.now() > deadline) break;
    await sleep(POLL_MS);
  }
  await stop();
  const log = join(home, "log");
  throw new Error(
    `nats-server does not start\n${existsSync(log) ? readFileSync(log, "utf8") : ""}`,
  );
}

/** The port that the server has written down. */
function portIn(folder: string): number | undefined {
  const file = readdirSync(folder).find((name) => name.endsWith(".ports"));
  if (file === undefined) return undefined;
  try {
    const { nats } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { nats: string[] };
    return Number(new URL(nats[0] ?? "").port);
  } catch {
    // Half written.
    return undefined;
  }
}
