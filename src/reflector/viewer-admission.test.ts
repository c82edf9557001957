import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters, LIMITS, SeededRandom, VirtualClock } from "../base/index.ts";
import { Peer, type Refusal } from "../channel/index.ts";
import { memoryPair } from "../transport/index.ts";
import type { ControlMessage } from "../wire/index.ts";
import { ViewerAdmission, type ViewerGate, type ViewerVerdict } from "./viewer-admission.ts";

const clock = new VirtualClock();
const random = new SeededRandom(1);
type Subscribe = Extract<ControlMessage, { type: "subscribe" }>;

/** A connected viewer: both ends, and what the viewer received. */
async function connected(): Promise<{ peer: Peer; heard: ControlMessage[]; closed: Refusal[] }> {
  const [near, far] = memoryPair({ clock });
  const identity = { name: "v", instance: 1, heartbeatMs: 50 };
  const heard: ControlMessage[] = [];
  const closed: Refusal[] = [];
  const nothing = { onOpen() {}, onPacket() {}, onSuspected() {}, onTrusted() {} };
  const peer = new Peer(
    near,
    { ...identity, role: "site", token: "" },
    false,
    { clock, random },
    {
      ...nothing,
      admit: () => undefined,
      onControl() {},
      onClosed() {},
    },
  );
  const viewer = new Peer(
    far,
    { ...identity, role: "viewer", token: "t" },
    true,
    { clock, random },
    {
      ...nothing,
      admit: () => undefined,
      onControl: (message) => heard.push(message),
      onClosed: (reason) => closed.push(reason),
    },
  );
  viewer.tick();
  await settle();
  assert.equal(peer.state, "open");
  return { peer, heard, closed };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(1);
    await Promise.resolve();
  }
}

function subscribe(channel: string, request = 1): Subscribe {
  return { type: "subscribe", request, channel, forward: true, resume: [] };
}

interface Rig {
  readonly door: ViewerAdmission;
  readonly drops: Counters;
  readonly brought: string[];
  readonly holding: Map<string, (refusal: Refusal) => void>;
  firsts: number;
}

function rig(
  judge: (token: string, channel: string) => string | undefined | Promise<string | undefined>,
): Rig {
  const drops = new Counters();
  const holding = new Map<string, (refusal: Refusal) => void>();
  const verdictOf = (code: string | undefined, channel: string): ViewerVerdict =>
    code === undefined
      ? {
          type: "admitted",
          hold: (end) => {
            holding.set(channel, end);
            return () => void holding.delete(channel);
          },
        }
      : { type: "refused", code, message: "no" };
  const gate: ViewerGate = {
    admit: ({ token }, channel) => {
      const code = judge(token, channel);
      return code instanceof Promise
        ? code.then((late) => verdictOf(late, channel))
        : verdictOf(code, channel);
    },
  };
  const made: Rig = {
    door: new ViewerAdmission({
      ...{ gate, drops },
      onFirst: () => {
        made.firsts++;
      },
      onAdmitted: (_peer, { channel, request }) => made.brought.push(`${channel} ${request}`),
    }),
    ...{ drops, holding, brought: [], firsts: 0 },
  };
  return made;
}

test("a verdict that is known at once is answered at once", async () => {
  const { peer, heard } = await connected();
  const { door, drops, holding } = rig((token, channel) =>
    token === "t" && channel === "news" ? undefined : "token-denied",
  );
  assert.equal(door.admits(peer, subscribe("news")), true);
  assert.equal(door.admits(peer, subscribe("news", 2)), true);
  assert.equal(door.admits(peer, subscribe("old", 7)), false);
  await settle();
  assert.deepEqual(heard.at(-1), {
    type: "refused",
    request: 7,
    code: "token-denied",
    message: "no",
  });
  assert.equal(drops.get("token-denied"), 1);
  assert.deepEqual([...holding.keys()], ["news"]);
});

test("a waiting viewer is judged once, and its newest request is used", async () => {
  const { peer } = await connected();
  let answer: (code: string | undefined) => void = () => {};
  let asked = 0;
  const made = rig(() => {
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  for (const request of [1, 1, 2])
    assert.equal(made.door.admits(peer, subscribe("news", request)), false);
  assert.equal(asked, 1);
  assert.equal(made.door.knows(peer), false);
  answer(undefined);
  await settle();
  assert.deepEqual(made.brought, ["news 2"]);
  assert.equal(made.firsts, 1);
  assert.equal(made.door.knows(peer), true);
  assert.equal(made.door.admits(peer, subscribe("news", 2)), true);
});

test("a viewer that leaves before the verdict is not admitted afterwards", async () => {
  const { peer } = await connected();
  let answer: (code: string | undefined) => void = () => {};
  const made = rig(() => new Promise((resolve) => (answer = resolve)));
  made.door.admits(peer, subscribe("news"));
  made.door.gone(peer);
  answer(undefined);
  await settle();
  assert.deepEqual(made.brought, []);
  assert.equal(made.holding.size, 0);
});

test("[A8] a viewer whose right ends is disconnected with the reason, and one that left is forgotten", async () => {
  const { peer, closed } = await connected();
  const { door, holding, drops } = rig(() => undefined);
  door.admits(peer, subscribe("a"));
  door.admits(peer, subscribe("b"));
  door.left(peer, "b");
  assert.deepEqual([...holding.keys()], ["a"]);
  holding.get("a")?.({ code: "token-expired", message: "it is over" });
  await settle();
  assert.deepEqual(closed, [{ code: "token-expired", message: "it is over" }]);
  assert.equal(drops.get("token-expired"), 1);
  door.gone(peer);
  assert.equal(holding.size, 0);
});

test("one connection may watch a bounded number of channels", async () => {
  const { peer, heard } = await connected();
  const { door } = rig(() => undefined);
  for (let index = 0; index < LIMITS.viewerChannelsMax; index++)
    assert.equal(door.admits(peer, subscribe(`c${index}`)), true);
  assert.equal(door.admits(peer, subscribe("one-more")), false);
  await settle();
  assert.ok(
    heard.some((message) => message.type === "refused" && message.code === "admission-refused"),
  );
});
