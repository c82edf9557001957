// Runs alone: it loads the machine with thousands of connections, and measures how long calls take.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, defineAgent, type Shell, SiteClient } from "../../src/site/index.ts";
import { json, type Running, start } from "../support/processes.ts";
import { RtpSource, sourceSdp } from "../support/rtp-source.ts";
import { SecureSession, type SecureSite } from "../support/secure-session.ts";
import type { CrowdOptions, CrowdReport } from "../support/stranger-crowd.ts";
import { Viewer } from "../support/viewer.ts";
import { until } from "../support/wait.ts";

/** Sockets of strangers at once, and for how long; STRANGER_SECONDS=60 for the whole minute. */
const STRANGERS = 5_000;
const SECONDS = Number(process.env["STRANGER_SECONDS"] ?? 12);
/** The longest that a call of the operator or of a member may take, ms. */
const CALL_MS_MAX = 1_000;
const CHANNEL = "news";

const CROWD = fileURLToPath(new URL("../support/stranger-crowd.js", import.meta.url));

let session: SecureSession;
let north: SecureSite;
let south: SecureSite;
let admin: string;
let shell: Shell;

before(async () => {
  session = await SecureSession.open();
  north = await session.site("north", {}, "--access", "tokens", "--log", "warn");
  admin = (await readFile(north.tokenFile ?? "", "utf8")).trim();
  const boss = new SiteClient(north.url, { token: admin });
  const about = {
    name: "site south",
    can: ["join"],
    channels: [],
    expiresInMs: 3_600_000,
  } as const;
  const { token } = await boss.createToken(about);
  south = await session.site("south", { MEANDER_TOKEN: token }, "--join", north.url);
  shell = await connect(north.url, { token: admin, name: "operator" });
  await until("the leader has contact with its member", () =>
    shell.createStream("calls", { at: "south" }).then(
      () => true,
      () => false,
    ),
  );
});

after(async () => {
  await shell?.close();
  await session?.[Symbol.asyncDispose]();
});

const echo = defineAgent({ name: "echo", on: { append: async (_ctx, value: number) => value } });

/** How long something took, ms. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function crowdAt(site: SecureSite, count: number): Promise<Running> {
  const { sites } = await new SiteClient(site.url, { token: admin }).session();
  const record = sites.find(({ name }) => name === site.name);
  assert.ok(record?.streams !== undefined);
  const options: CrowdOptions = {
    ...{ host: "127.0.0.1", count, http: record.http.port, udp: record.udp.port },
    frames: record.streams.port,
  };
  // Strangers come over a network and take no processor of this machine; these take what is left.
  return start("nice", ["-n", "19", process.execPath, CROWD, JSON.stringify(options)]);
}

const latest = (crowd: Running): CrowdReport | undefined =>
  crowd
    .stdout()
    .split("\n")
    .flatMap((line) => json<CrowdReport>(line) ?? [])
    .at(-1);

test(`[A21] while ${STRANGERS} strangers try every listener, operator, members and viewers do not notice`, async (t) => {
  const boss = new SiteClient(north.url, { token: admin });
  const { tracks } = await boss.publishSdp(CHANNEL, sourceSdp(CHANNEL), { ports: "assign" });
  await using source = await RtpSource.start({ ports: [tracks[0]?.rtpPort ?? 0], ssrc: 1 });
  const hour = { expiresInMs: 3_600_000 } as const;
  const watch = { name: "viewer", can: ["watch"], channels: [CHANNEL], ...hour } as const;
  const { token } = await boss.createToken(watch);
  const join = { name: "site west", can: ["join"], channels: [], ...hour } as const;
  const west = await boss.createToken(join);
  const viewers = await Promise.all(
    [0, 1, 2].map((index) => Viewer.open(north.url, CHANNEL, `viewer ${index}`, { token })),
  );
  t.after(() => {
    for (const viewer of viewers) viewer.close();
  });
  const stream = await shell.open("calls");
  await stream.registerAgent(echo);
  await stream.append(0, { until: "consumed" });
  await until("all watch", () => viewers.every(({ received }) => received.length > 0));
  const crowd = await crowdAt(north, STRANGERS);
  try {
    await until("all strangers have tried", () => (latest(crowd)?.made ?? 0) >= STRANGERS);
    const joined = session.site("west", { MEANDER_TOKEN: west.token }, "--join", north.url);
    const longest = new Map<string, number>();
    const end = performance.now() + SECONDS * 1_000;
    for (let round = 1; performance.now() < end; round++) {
      const [control, asked, attached, appended, created] = await Promise.all([
        // At a site to which no stranger comes: what the machine itself takes.
        timed(() =>
          Promise.all([
            new SiteClient(south.url, { token: admin }).session(),
            writeFile(`${session.folder}/control`, "x", { flush: true }),
          ]),
        ),
        timed(() => new SiteClient(north.url, { token: admin }).session()),
        timed(async () => (await connect(north.url, { token: admin })).close()),
        timed(() => stream.append(round, { until: "consumed" })),
        timed(() => shell.createStream(`made-${round}`, { at: "south" })),
      ]);
      for (const [name, ms] of Object.entries({
        ...{ control, asked, attached, appended, created },
      }))
        longest.set(name, Math.max(longest.get(name) ?? 0, Math.round(ms)));
    }
    const worst = JSON.stringify(Object.fromEntries(longest));
    t.diagnostic(`longest calls, ms: ${worst}; ${JSON.stringify(latest(crowd))}`);
    const most = CALL_MS_MAX + 2 * (longest.get("control") ?? 0);
    for (const [name, ms] of longest) assert.ok(ms < most, `${name}: ${ms} of ${most} ms`);
    assert.equal((await joined).name, "west");
    assert.ok(crowd.child.exitCode === null, crowd.stderr());
  } finally {
    await crowd.stop();
  }
  const { count } = source;
  await until(
    "the viewers have all of it",
    () =>
      viewers.every(({ received }) => (received.at(-1)?.at ?? 0) > 0 && received.length > 0) &&
      source.count > count + 30,
  );
  for (const viewer of viewers) {
    const { missing, repeated, packets } = viewer.account();
    assert.deepEqual([missing, repeated], [0, 0], `of ${packets} packets`);
  }
  const { drops } = (await boss.site()).snapshot;
  t.diagnostic(JSON.stringify(drops));
  // Where they come fast enough, no stranger stays until its time is over.
  assert.ok((drops["door-crowded"] ?? 0) > 0);
});
