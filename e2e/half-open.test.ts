/** Links that pass packets in one direction only, on an Ethernet between network namespaces of this test. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Lan } from "./support/lan.ts";
import { endOf, json, type Running } from "./support/processes.ts";
import { until } from "./support/wait.ts";

const PORT = 7_000;
/** Where packets go to that arrive nowhere. */
const NOBODY = "02:00:00:00:00:99";
/** A silent source is suspected after 150 ms, and another one asked at once; the rest is for a busy machine. */
const PAUSE_MAX_MS = 1_500;
const folder = await mkdtemp(join(tmpdir(), "meander-half-open-"));
after(() => rm(folder, { recursive: true, force: true }));

const urlOf = (lan: Lan, name: string): string => `http://${lan.address(name)}:${PORT}`;

async function startSite(lan: Lan, name: string, ...more: string[]): Promise<void> {
  const host = lan.address(name);
  const site = lan.meander(
    name,
    ...["site", "--json", "--name", name, "--data", join(folder, name), "--access", "open"],
    ...["--host", host, "--open", host, "--http-port", `${PORT}`, ...more],
  );
  await site.line((line) => json<{ url: string }>(line)?.url);
}

/** Nothing that `from` sends to `to` arrives any more; what `to` sends does. @returns has it arrive again */
async function cutOneWay(lan: Lan, from: string, to: string): Promise<() => Promise<string>> {
  const way = ["neigh", "replace", lan.address(to), "dev", "eth0"];
  await lan.ip(from, ...way, "lladdr", NOBODY, "nud", "permanent");
  return () => lan.ip(from, "neigh", "delete", lan.address(to), "dev", "eth0");
}

interface Told {
  readonly type: string;
  readonly path?: readonly string[];
  readonly lost: number;
  readonly repeated: number;
}

/** The way that packets take to a receiver. */
function wayOf(receiver: Running): string | undefined {
  const told = receiver
    .stdout()
    .split("\n")
    .map(json<Told>);
  return told.findLast((each) => each?.type === "path")?.path?.join(" ");
}

/** Pauses between the arrivals at a receiver, ms. */
async function pausesOf(log: string): Promise<number[]> {
  const [, ...lines] = (await readFile(log, "utf8")).trim().split("\n");
  return lines.map((line) => Number(line.split(",")[2] ?? 0));
}

test("[W41] watching goes on behind a link of which one direction works, whichever it is", {
  timeout: 120_000,
}, async (t) => {
  await using lan = await Lan.open("origin", "middle", "deaf", "mute");
  if (lan === undefined) {
    t.skip("ip netns not available: needs iproute2 and root");
    return;
  }
  await startSite(lan, "origin");
  const joining = ["--join", urlOf(lan, "origin")];
  await startSite(lan, "middle", ...joining);
  const config = join(folder, "edge.json");
  await writeFile(config, JSON.stringify({ channels: { probe: { input: { from: ["middle"] } } } }));
  const edges = ["deaf", "mute"];
  await Promise.all(edges.map((name) => startSite(lan, name, ...joining, "--config", config)));
  const sender = lan.meander(
    "origin",
    ...["test", "send", "probe", "--rate", "400k", "--pps", "100", "--json"],
    ...["--site", urlOf(lan, "origin")],
  );
  await sender.line((line) => json<Told>(line)?.type === "sending" || undefined);
  const receivers = edges.map((name) => {
    const log = join(folder, `${name}.csv`);
    const args = ["--json", "--no-follow", "--log", log, "--site", urlOf(lan, name)];
    return { name, log, receiver: lan.meander(name, "test", "receive", "probe", ...args) };
  });
  const all = (way: (name: string) => string): (() => boolean) => {
    return () => receivers.every(({ name, receiver }) => wayOf(receiver) === way(name));
  };
  await until(
    "the configured way",
    all((name) => `origin middle ${name}`),
  );

  const heal = [await cutOneWay(lan, "middle", "deaf"), await cutOneWay(lan, "mute", "middle")];
  await until(
    "the way around middle",
    all((name) => `origin ${name}`),
  );
  for (const each of heal) await each();
  await until(
    "the configured way again",
    all((name) => `origin middle ${name}`),
    30_000,
  );
  sender.child.kill("SIGINT");
  assert.equal(await endOf(sender), 0);

  for (const { log, name, receiver } of receivers) {
    receiver.child.kill("SIGINT");
    assert.equal(await endOf(receiver), 0, receiver.stderr());
    const end = receiver
      .stdout()
      .split("\n")
      .map(json<Told>)
      .findLast((each) => each?.type === "ended");
    assert.deepEqual({ lost: end?.lost, repeated: end?.repeated }, { lost: 0, repeated: 0 }, name);
    const pause = Math.max(...(await pausesOf(log)));
    t.diagnostic(`${name}: the longest pause was ${pause.toFixed(0)} ms`);
    assert.ok(pause < PAUSE_MAX_MS, `${name} paused for ${pause} ms`);
  }
});
