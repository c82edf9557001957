import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, LIMITS, SeededRandom, VirtualClock } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import { memoryPair } from "../transport/index.ts";
import { decodeControl, encodePacket, KIND, MEDIUM, payloadOf } from "../wire/index.ts";
import { Peer, type PeerIdentity, type Refusal } from "./peer.ts";

interface Told {
  readonly peer: Peer;
  readonly events: string[];
}

function makePeer(
  connection: Connection,
  name: string,
  clock: Clock,
  initiator: boolean,
  more: {
    readonly role?: PeerIdentity["role"];
    readonly heartbeatMs?: number;
    readonly refuse?: Refusal;
    readonly acknowledgeMs?: (() => number) | undefined;
  } = {},
): Told {
  const events: string[] = [];
  const { acknowledgeMs, heartbeatMs = 50, refuse, role = "site" } = more;
  const identity: PeerIdentity = { role, name, instance: name.length, token: "", heartbeatMs };
  const peer = new Peer(
    connection,
    identity,
    initiator,
    { clock, random: new SeededRandom(1) },
    {
      admit: () => refuse,
      ...(acknowledgeMs === undefined ? {} : { acknowledgeMs }),
      onOpen: () => events.push("open"),
      onPacket: () => events.push("packet"),
      onControl: (message) => events.push(message.type),
      onSuspected: () => events.push("suspected"),
      onTrusted: () => events.push("trusted"),
      onClosed: ({ code }) => events.push(code),
    },
  );
  return { peer, events };
}

/** A clock whose `now` can be ahead of another's, as on another machine. */
function shifted(clock: VirtualClock, ms: number): Clock {
  return {
    now: () => clock.now() + ms,
    wall: () => clock.wall(),
    after: (n, d, t) => clock.after(n, d, t),
  };
}

async function run(clock: VirtualClock, peers: readonly Told[], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    clock.advance(10);
    for (const { peer } of peers) peer.tick();
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
}

test("two ends complete the handshake and learn round trip and clock offset", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, latencyMs: 7 });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", shifted(clock, 5_000), false);
  await run(clock, [a, b], 2_500);
  assert.equal(a.peer.remote?.name, "bb");
  assert.equal(b.peer.remote?.name, "a");
  assert.ok(Math.abs((a.peer.rttMs ?? 0) - 14) < 1);
  assert.ok(Math.abs((a.peer.clockOffsetMs ?? 0) - 5_000) < 1);
  assert.ok(Math.abs((b.peer.clockOffsetMs ?? 0) + 5_000) < 1);
});

test("both ends may dial at once over one datagram path", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, latencyMs: 3, reliable: false });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, true);
  await run(clock, [a, b], 300);
  assert.deepEqual([a.events, b.events], [["open"], ["open"]]);
});

test("a lost hello is repeated", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({
    clock,
    reliable: false,
    lossRatio: 0.6,
    random: new SeededRandom(5),
  });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false);
  await run(clock, [a, b], 4_000);
  assert.equal(a.events[0], "open");
  assert.equal(b.events[0], "open");
});

test("a refused end is told why, and the connection is closed", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false, {
    refuse: { code: "link-key-wrong", message: "no" },
  });
  await run(clock, [a, b], 300);
  assert.deepEqual(a.events, ["link-key-wrong"]);
});

test("a silent peer is suspected after three periods, trusted when heard again, and given up after 2 s", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, reliable: false });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false);
  await run(clock, [a, b], 300);
  await run(clock, [a], 200);
  assert.deepEqual(a.events, ["open", "suspected"]);
  await run(clock, [a, b], 100);
  assert.deepEqual(a.events, ["open", "suspected", "trusted"]);
  await run(clock, [a], 2_500);
  assert.deepEqual(a.events.slice(3), ["suspected", "peer-silent"]);
});

test("an end that itself stood still does not suspect its peer", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, reliable: false });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false);
  await run(clock, [a, b], 300);
  clock.advance(500);
  a.peer.tick();
  b.peer.tick();
  await run(clock, [a, b], 300);
  assert.deepEqual(a.events, ["open"]);
});

test("malformed control messages are counted and change nothing", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false);
  await run(clock, [a, b], 300);
  const header = {
    kind: KIND.control,
    flags: 0,
    channel: 0,
    source: 0,
    sourceGeneration: 0,
    medium: 0,
    sequence: 0,
  };
  for (const bytes of [[], [200], [16, 1, 2], [4, 0x7b], [1, 0x7b, 0x7d]]) {
    left.send(encodePacket(header, Uint8Array.from(bytes)));
  }
  await run(clock, [a, b], 200);
  assert.equal(b.peer.malformed, 5);
  assert.equal(b.peer.state, "open");
});

/** A site and a viewer that gets a packet every 200 ms, each ticking as often as in production. */
async function watch(
  ms: number,
  acknowledgeMs?: () => number,
): Promise<{ readonly site: Told; readonly viewer: Told; readonly beats: readonly number[] }> {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, latencyMs: 5 });
  const beats: number[] = [];
  const send = right.send.bind(right);
  right.send = (bytes) => {
    const message = decodeControl(payloadOf(bytes));
    if (typeof message === "object" && message.type === "heartbeat") beats.push(clock.now());
    return send(bytes);
  };
  const viewer = makePeer(left, "viewer", clock, true, { role: "viewer", heartbeatMs: 300 });
  const site = makePeer(right, "site", clock, false, { acknowledgeMs });
  const header = { kind: KIND.data, flags: 0, channel: 1, source: 1, medium: MEDIUM.text };
  const media = encodePacket({ ...header, sourceGeneration: 0, sequence: 1 }, new Uint8Array(10));
  for (let passed = 0; passed < ms; passed += 20) {
    clock.advance(20);
    viewer.peer.tick();
    if (passed % 100 === 0) site.peer.tick();
    if (passed % 200 === 0 && site.peer.state === "open") site.peer.send(media);
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
  return { site, viewer, beats };
}

test("[W26] a viewer is told how often to acknowledge", async () => {
  const { site, viewer } = await watch(300, () => 640);
  assert.equal(viewer.peer.ackMs, 640);
  assert.equal(site.peer.ackMs, 640);
  assert.equal((await watch(300)).viewer.peer.ackMs, LIMITS.ackMs);
});

test("[W25] with a viewer round trips are measured every second at first, then every five", async () => {
  const { beats, viewer } = await watch(40_000);
  const early = beats.filter((at) => at < 10_000).length;
  const late = beats.filter((at) => at >= 10_000).length;
  assert.ok(early >= 8 && early <= 10, `${early} in the first 10 s`);
  assert.ok(late >= 5 && late <= 7, `${late} in the next 30 s`);
  assert.ok(!viewer.events.includes("suspected"), "data counts as a sign of life");
});

test("a silent viewer is detected by a site that checks every 110 ms", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, reliable: false });
  const viewer = makePeer(left, "v", clock, true, { role: "viewer", heartbeatMs: 300 });
  const site = makePeer(right, "s", clock, false);
  await run(clock, [viewer, site], 300);
  assert.equal(site.peer.state, "open");
  left.send = () => true;
  for (let i = 0; i < 80; i++) {
    clock.advance(110);
    site.peer.tick();
    await Promise.resolve();
  }
  assert.deepEqual(site.events, ["open", "suspected", "peer-silent"]);
});

test("a viewer whose timers are suspended answers what it receives, and is not given up", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, latencyMs: 5 });
  const viewer = makePeer(left, "v", clock, true, { role: "viewer", heartbeatMs: 300 });
  const site = makePeer(right, "s", clock, false);
  await run(clock, [viewer, site], 300);
  await run(clock, [site], 30_000);
  assert.deepEqual(site.events, ["open"]);
});
