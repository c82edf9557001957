/** Links between sites by multicast groups, on an Ethernet between network namespaces of this test. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { packageRoot, type SiteView } from "../src/site/index.ts";
import { Lan } from "./support/lan.ts";
import { json } from "./support/processes.ts";
import { until } from "./support/wait.ts";

const CLIP = join(packageRoot(), "media", "clip.mp4");
const PORT = 7_000;
const RELAYS = ["north", "south", "east"];
const SETTLED_MS = 3_000;
const folder = await mkdtemp(join(tmpdir(), "meander-link-multicast-"));
after(() => rm(folder, { recursive: true, force: true }));

const ASK = "fetch(process.argv[1]).then(async (answer) => console.log(await answer.text()))";
/** Sends malformed packets, and packets of no site of the session, to a group. */
const FORGE = `const [group, port] = process.argv.slice(1);
const socket = require("node:dgram").createSocket(group.includes(":") ? "udp6" : "udp4");
const packet = Buffer.alloc(60);
packet[0] = 0x11;
packet[2] = 60;
for (let count = 0; count < 50; count++) socket.send(count % 2 ? packet : Buffer.from("nonsense"), Number(port), group);
setTimeout(() => socket.close(), 200);`;

async function viewOf(lan: Lan, site: string): Promise<SiteView> {
  const url = `http://${lan.address(site)}:${PORT}/api/site`;
  return JSON.parse(await lan.run(site, process.execPath, "-e", ASK, url)) as SiteView;
}

type ChannelView = SiteView["snapshot"]["channels"][number];

async function channelOf(lan: Lan, site: string): Promise<ChannelView | undefined> {
  return (await viewOf(lan, site)).snapshot.channels.find(({ name }) => name === "clip");
}

/** The stack that serves each relay. */
async function stacksOf(lan: Lan): Promise<Record<string, string>> {
  const subscribers = (await channelOf(lan, "origin"))?.subscribers ?? [];
  return Object.fromEntries(subscribers.map(({ name, stack }) => [name, stack]));
}

async function startSite(lan: Lan, name: string, data: string, ...more: string[]): Promise<void> {
  const host = lan.address(name);
  const site = lan.meander(
    name,
    ...["site", "--json", "--name", name, "--data", join(folder, data), "--access", "open"],
    ...["--host", host, "--open", host, "--http-port", `${PORT}`, ...more],
  );
  await site.line((line) => json<{ url: string }>(line)?.url);
}

for (const { family, group, privately } of [
  { family: 4, group: "239.77.4.1", privately: true },
  { family: 6, group: "ff15::77:4", privately: false },
] as const) {
  const how = privately ? "sealed" : "plain";
  test(`three relays receive a channel by a group of IPv${family}, ${how}`, {
    timeout: 120_000,
  }, async (t) => {
    await using lan = await Lan.open("origin", ...RELAYS);
    if (lan === undefined) return t.skip("ip netns not available: needs iproute2 and root");
    const flags = privately ? [] : ["--no-private-links"];
    await startSite(lan, "origin", `origin${family}`, ...flags);
    const leader = `http://${lan.address("origin")}:${PORT}`;
    lan.meander("origin", "publish", "clip", "--file", CLIP, "--loop", "--quiet", "--site", leader);
    const stack = `multicast(group=${group},port=5077)`;
    const config = join(folder, `relay${family}.json`);
    const input = { from: ["origin"], stack, keep: true };
    await writeFile(config, JSON.stringify({ channels: { clip: { input } } }));
    for (const name of RELAYS) {
      await startSite(
        lan,
        name,
        `${name}${family}`,
        "--join",
        leader,
        "--config",
        config,
        ...flags,
      );
    }
    const inner = privately ? "frag:crypt" : "frag";
    const byGroup = `${inner}:multicast(group=${group},port=5077,ttl=1)`;
    const all = { north: byGroup, south: byGroup, east: byGroup };
    const untilStacks = (what: string, wanted: Record<string, string>): Promise<unknown> =>
      until(what, async () => isDeepStrictEqual(await stacksOf(lan), wanted));
    await untilStacks("all are served by the group", all);
    const before = await channelOf(lan, "north");
    assert.equal(before?.inputs[0]?.connection, `${inner}:${stack}`);

    // One copy leaves the origin, and control messages to each relay.
    const [sentBefore, inBefore] = [await lan.sentBytes("origin"), before.bytesIn];
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    const taken = ((await channelOf(lan, "north"))?.bytesIn ?? 0) - inBefore;
    const sent = (await lan.sentBytes("origin")) - sentBefore;
    t.diagnostic(`${taken} bytes at one relay, ${sent} bytes left the origin for three`);
    assert.ok(taken > 50_000, `${taken} bytes`);
    assert.ok(sent < 2 * taken, `${sent} bytes left for ${taken} of the channel`);

    await lan.run("east", process.execPath, "-e", FORGE, group, "5077");
    await until("the forgeries were counted", async () => {
      const { drops } = (await viewOf(lan, "north")).snapshot;
      const refused = privately ? drops["group-plain"] : drops["group-untrusted-source"];
      return (refused ?? 0) >= 20 && (drops["group-malformed"] ?? 0) >= 20;
    });

    await lan.passGroups("south", false);
    await untilStacks("a relay that the group does not reach is served by itself", {
      ...all,
      south: `${inner}:udp`,
    });
    await lan.passGroups("south", true);
    await untilStacks("it is served by the group again", all);
    for (const name of RELAYS) {
      const channel = await channelOf(lan, name);
      const { lost = 0, "resume-incomplete": holes = 0 } = channel?.drops ?? {};
      assert.deepEqual({ lost, holes }, { lost: 0, holes: 0 }, name);
      assert.equal(channel?.inputs[0]?.state, "active");
    }
  });
}
