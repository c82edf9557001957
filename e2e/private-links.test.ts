/**
 * Sites on machines of their own (network namespaces with an Ethernet between them): links and streams are private by
 * default, and a site with plain links is refused.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { packageRoot, type SiteView, type StreamsView } from "../src/site/index.ts";
import { json, MEANDER, type Running, start } from "./support/processes.ts";
import { until } from "./support/wait.ts";

type Status = SiteView & { readonly streams: StreamsView["counts"] };

const NEAR = { namespace: `meander-${process.pid}-near`, host: "10.215.0.1" };
const FAR = { namespace: `meander-${process.pid}-far`, host: "10.215.0.2" };
type Machine = typeof NEAR;

const CLIP = join(packageRoot(), "media", "clip.mp4");
let folder: string;
let isBuilt = false;
const running: Running[] = [];

const ip = async (...args: readonly string[]): Promise<void> => {
  await promisify(execFile)("ip", args);
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-private-"));
  try {
    for (const { namespace } of [NEAR, FAR]) await ip("netns", "add", namespace);
    const [near, far] = [NEAR.namespace, FAR.namespace];
    const pair = ["type", "veth", "peer", "name", "eth0", "netns", far];
    await ip("-n", near, "link", "add", "eth0", ...pair);
    for (const { namespace, host } of [NEAR, FAR]) {
      await ip("-n", namespace, "address", "add", `${host}/24`, "dev", "eth0");
      for (const device of ["lo", "eth0"]) await ip("-n", namespace, "link", "set", device, "up");
    }
    isBuilt = true;
  } catch {
    // The tests are skipped, with the reason.
  }
});

after(async () => {
  await Promise.all(running.map((each) => each.stop()));
  for (const { namespace } of [NEAR, FAR]) await ip("netns", "delete", namespace).catch(() => {});
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command line on a machine. */
function meanderAt({ namespace }: Machine, ...args: readonly string[]): Running {
  const command = ["netns", "exec", namespace, process.execPath, MEANDER, ...args];
  const each = start("ip", command);
  running.push(each);
  return each;
}

/** Its output, once it has ended well. */
async function output(machine: Machine, ...args: readonly string[]): Promise<string> {
  const each = meanderAt(machine, ...args);
  const code = await each.ended;
  assert.equal(code, 0, `${args.join(" ")}: ${each.stderr()}`);
  return each.stdout();
}

/** Prints the status of a site, line by line: it is not reachable from outside its machine. */
const WATCH = `const [url] = process.argv.slice(1);
for (;;) {
  try {
    const [site, streams] = await Promise.all(
      ["site", "streams"].map(async (path) => (await fetch(url + "/api/" + path)).json()),
    );
    console.log(JSON.stringify({ ...site, streams: streams.counts }));
  } catch {}
  await new Promise((resolve) => setTimeout(resolve, 300));
}`;

async function startSite(
  machine: Machine,
  name: string,
  port: number,
  ...more: readonly string[]
): Promise<{
  readonly url: string;
  readonly running: Running;
  /** The first status for which `pick` returns a value. */
  when<T>(pick: (status: Status) => T | undefined): Promise<T>;
}> {
  const { namespace, host } = machine;
  const site = meanderAt(
    machine,
    ...["site", "--json", "--log", "info", "--name", name, "--data", join(folder, name)],
    ...["--host", host, "--open", host, "--http-port", `${port}`, "--access", "open", ...more],
  );
  await site.line((line) => json<{ url: string }>(line)?.url);
  const url = `http://${host}:${port}`;
  const script = ["--input-type=module", "--eval", WATCH, url];
  const watch = start("ip", ["netns", "exec", namespace, process.execPath, ...script]);
  running.push(watch);
  const when = <T>(pick: (status: Status) => T | undefined): Promise<T> =>
    watch.line((line) => {
      const status = json<Status>(line);
      return status === undefined ? undefined : pick(status);
    });
  return { url, running: site, when };
}

async function configOf(name: string, stack: string | undefined): Promise<string> {
  const path = join(folder, `${name}.json`);
  const input = { from: ["origin"], stack, keep: true };
  await writeFile(path, JSON.stringify({ channels: { clip: { input } } }));
  return path;
}

test("media and streams between machines are private by default", {
  timeout: 180_000,
}, async (t) => {
  if (!isBuilt) {
    t.skip("ip netns not available: needs iproute2 and root");
    return;
  }
  const origin = await startSite(NEAR, "origin", 7_000);
  meanderAt(NEAR, "publish", "clip", "--file", CLIP, "--loop", "--quiet", "--site", origin.url);
  const relays = [
    ["datagrams", 7_001, undefined, "frag:crypt:udp"],
    ["stream", 7_002, "tcp", "crypt:tcp"],
    ["messages", 7_003, "websocket", "crypt:websocket"],
  ] as const;
  const linksOf = relays.map(async ([name, port, kind, stack]) => {
    const config = await configOf(name, kind);
    const relay = await startSite(FAR, name, port, "--join", origin.url, "--config", config);
    const snapshot = await relay.when((status) => {
      const input = status.snapshot.channels[0]?.inputs[0];
      return (input?.packets ?? 0) > 100 ? status.snapshot : undefined;
    });
    // On a busy machine a source may be suspected for a moment, and what stands in sends some packets again.
    const { duplicate: _duplicate, ...drops } = snapshot.channels[0]?.drops ?? {};
    assert.deepEqual(drops, {});
    const link = snapshot.peers.find((each) => each.direction === "out" && each.name === "origin");
    assert.equal(link?.stack, stack);
    assert.equal(link?.counts["crypt-keys-agreed"], 1);
  });
  await Promise.all(linksOf);
  const expected = ["crypt:tcp", "crypt:websocket", "frag:crypt:udp"];
  await origin.when(({ snapshot }) => {
    const stacks = snapshot.peers.map(({ stack }) => stack).sort();
    return stacks.join() === expected.join() || undefined;
  });

  await output(NEAR, "stream", "create", "post", "--at", "datagrams", "--site", origin.url);
  await output(NEAR, "stream", "append", "post", '"a letter"', "--site", origin.url);
  await origin.when(({ streams }) => {
    const frames = streams.peers.find(({ site }) => site === "datagrams");
    return (frames?.state === "open" && frames.framesSent > 0) || undefined;
  });
});

test("a site with plain links is refused, with the reason", {
  timeout: 60_000,
}, async (t) => {
  if (!isBuilt) {
    t.skip("ip netns not available: needs iproute2 and root");
    return;
  }
  const origin = `http://${NEAR.host}:7000`;
  const config = await configOf("plain", undefined);
  const plain = await startSite(
    ...[FAR, "plain", 7_009, "--no-private-links"],
    ...["--join", origin, "--config", config],
  );
  await until("the refusal is in the log", () =>
    plain.running.stderr().includes('"privacy-required"'),
  );
  const packets = await plain.when(({ snapshot }) => snapshot.channels[0]?.inputs[0]?.packets);
  assert.equal(packets, 0);
});
