import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, SILENT, VirtualClock } from "../../base/index.ts";
import { type ChannelRecord, routeConfigSchema } from "../../session/index.ts";
import type { PlaneEvent } from "../events.ts";
import type { ChannelSnapshot } from "../snapshot.ts";
import { ChannelRouter } from "./channel-router.ts";
import type { RoutedPlane } from "./routed-plane.ts";

const CLIP: ChannelRecord = { name: "clip", id: 7, ingests: ["origin"] };

/** Records what the router asks of a plane; everything else of a plane is not used by it. */
class FakePlane {
  readonly calls: string[] = [];
  subscribers = 0;
  refuseNext: Error | undefined;
  tell: (event: PlaneEvent) => void = () => {};

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.tell = listener;
  }

  async setLimits({ maxSubscribers }: { maxSubscribers: number }): Promise<void> {
    this.calls.push(`limit ${maxSubscribers}`);
  }

  async setReshaping(): Promise<void> {}

  async openChannel({
    name,
    id,
    config,
  }: Parameters<RoutedPlane["openChannel"]>[0]): Promise<void> {
    const error = this.refuseNext;
    this.refuseNext = undefined;
    if (error !== undefined) throw error;
    this.calls.push(`open ${name} ${id} from ${config.input?.from.join() ?? "nowhere"}`);
  }

  async closeChannel(name: string, reason: string): Promise<void> {
    this.calls.push(`close ${name}: ${reason}`);
  }

  async refuseChannel(name: string, code: string): Promise<void> {
    this.calls.push(`refuse ${name} ${code}`);
  }

  async snapshot(): Promise<{ channels: Pick<ChannelSnapshot, "name" | "subscribers">[] }> {
    const subscribers = Array.from({ length: this.subscribers }) as ChannelSnapshot["subscribers"];
    return { channels: [{ name: "clip", subscribers }] };
  }

  taken(): string[] {
    return this.calls.splice(0);
  }
}

function rig(known: readonly ChannelRecord[] = [CLIP]): {
  plane: FakePlane;
  router: ChannelRouter;
  clock: VirtualClock;
  down: { value: boolean };
} {
  const plane = new FakePlane();
  const clock = new VirtualClock();
  const down = { value: false };
  const router = new ChannelRouter({
    self: "south",
    plane: plane as unknown as RoutedPlane,
    lookUp: async (name) => {
      if (down.value) throw new Error("the directory is down");
      return known.find((each) => each.name === name);
    },
    allocate: async (name) => {
      if (down.value) throw new Error("the directory is down");
      return { name, id: 100, ingests: [] };
    },
    clock,
    log: SILENT,
  });
  return { plane, router, clock, down };
}

const routes = (channels: unknown, rest: object = {}) =>
  routeConfigSchema.parse({ channels, ...rest });
const from = (...sites: string[]) => ({ input: { from: sites } });

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test("only differences reach the plane", async () => {
  const { plane, router } = rig();
  await router.setChannels([CLIP, { name: "news", id: 8, ingests: ["origin"] }]);
  await router.setRoutes(routes({ clip: from("north"), news: from("north") }));
  assert.deepEqual(plane.taken(), [
    `limit ${LIMITS.subscribersDefault}`,
    "open clip 7 from north",
    "open news 8 from north",
  ]);
  await router.setRoutes(routes({ clip: from("middle", "north"), news: from("north") }));
  assert.deepEqual(plane.taken(), ["open clip 7 from middle,north"]);
  await router.setRoutes(routes({ clip: from("middle", "north") }, { maxSubscribers: 3 }));
  assert.deepEqual(plane.taken(), ["limit 3", "close news: no longer configured"]);
});

test("a wanted channel is looked up, opened, and closed once unused", async () => {
  const { plane, router, clock } = rig();
  plane.tell({ type: "channel-wanted", channel: "clip" });
  await settle();
  assert.deepEqual(plane.taken().slice(1), ["open clip 7 from origin"]);
  plane.subscribers = 1;
  clock.advance(2 * LIMITS.lingerMs);
  await settle();
  assert.deepEqual(plane.taken(), []);
  plane.subscribers = 0;
  plane.tell({ type: "subscriber-left", channel: "clip", name: "viewer" });
  clock.advance(2 * LIMITS.lingerMs);
  await settle();
  assert.deepEqual(plane.taken(), ["close clip: no longer configured"]);
  assert.equal(router.channels.length, 1);
});

test("a name that is unknown or no name is refused", async () => {
  const { plane } = rig();
  plane.tell({ type: "channel-wanted", channel: "nothing" });
  plane.tell({ type: "channel-wanted", channel: "../x" });
  await settle();
  assert.deepEqual(plane.taken().sort(), [
    "refuse ../x channel-unknown",
    "refuse nothing channel-unknown",
  ]);
});

test("a channel known from before is opened while the directory is down, another is refused", async () => {
  const { plane, router, down } = rig();
  await router.setChannels([CLIP]);
  down.value = true;
  plane.tell({ type: "channel-wanted", channel: "clip" });
  plane.tell({ type: "channel-wanted", channel: "news" });
  await settle();
  assert.ok(plane.calls.includes("open clip 7 from origin"));
  assert.ok(plane.calls.includes("refuse news channel-unknown"));
});

test("a configured channel without an id gets one, later if the directory is down", async () => {
  const { plane, router, down } = rig([]);
  down.value = true;
  await assert.rejects(router.setRoutes(routes({ clip: from("north") })), /has no id yet/);
  await settle();
  assert.deepEqual(plane.taken().slice(1), []);
  down.value = false;
  await router.setChannels([]);
  await settle();
  assert.deepEqual(plane.taken(), ["open clip 100 from north"]);
});

test("a channel whose id changed is closed and opened again", async () => {
  const { plane, router } = rig();
  await router.setChannels([CLIP]);
  await router.setRoutes(routes({ clip: from("north") }));
  plane.taken();
  await router.setChannels([{ ...CLIP, id: 9 }]);
  assert.deepEqual(plane.taken(), ["close clip: new id", "open clip 9 from north"]);
});

test("what the plane refused is tried again with the next change", async () => {
  const { plane, router } = rig();
  await router.setChannels([CLIP]);
  plane.refuseNext = new Error("no");
  await assert.rejects(router.setRoutes(routes({ clip: from("north") })), {
    code: "config-not-applied",
    message: "channel clip: no",
  });
  assert.deepEqual(plane.taken().slice(1), []);
  await router.setChannels([CLIP]);
  assert.deepEqual(plane.taken(), ["open clip 7 from north"]);
});

test("routes are applied when their new channels have ids and are open, and not while the directory is down", async () => {
  const { plane, router, down } = rig([]);
  await router.setRoutes(routes({ clip: from("north") }));
  assert.deepEqual(plane.taken().slice(1), ["open clip 100 from north"]);
  down.value = true;
  await assert.rejects(router.setRoutes(routes({ clip: from("north"), film: from("north") })), {
    code: "config-not-applied",
    message: "channel film: it has no id yet: the directory is down",
  });
});

test("after its last ingest has ended a channel stays for those who watch, then goes", async () => {
  const { plane, router, clock } = rig();
  await router.addIngest({ ...CLIP, ingests: ["south"] });
  assert.deepEqual(plane.taken().slice(1), ["open clip 7 from nowhere"]);
  await router.removeIngest("clip");
  assert.deepEqual(plane.taken(), []);
  clock.advance(2 * LIMITS.lingerMs);
  await settle();
  assert.deepEqual(plane.taken(), ["close clip: no longer configured"]);
});
