import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, SeededRandom, VirtualClock } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import { memoryPair } from "../transport/index.ts";
import { encodePacket, KIND } from "../wire/index.ts";
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
  refuse?: Refusal,
): Told {
  const events: string[] = [];
  const identity: PeerIdentity = {
    role: "site",
    name,
    instance: name.length,
    token: "",
    heartbeatMs: 50,
  };
  const peer = new Peer(
    connection,
    identity,
    initiator,
    { clock, random: new SeededRandom(1) },
    {
      admit: () => refuse,
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

/** A clock whose `now` can run ahead of another's, as on another machine. */
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

test("two ends greet each other and learn round trip and clock offset", async () => {
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

test("a greeting that is lost is repeated", async () => {
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

test("a refused end hears why, and the connection ends", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock });
  const a = makePeer(left, "a", clock, true);
  const b = makePeer(right, "bb", clock, false, { code: "link-key-wrong", message: "no" });
  await run(clock, [a, b], 300);
  assert.deepEqual(a.events, ["link-key-wrong"]);
});

test("silence is suspected after three periods, trusted again at the first word, confirmed after 2 s", async () => {
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

test("an end that stood still itself suspects nobody for it", async () => {
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

test("control bytes that say nothing are counted and change nothing", async () => {
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
