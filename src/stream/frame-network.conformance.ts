import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../base/index.ts";
import type { SiteInstance } from "./model.ts";
import type { FrameNetwork } from "./network.ts";

/** Sites with a network each, to examine. */
export interface FrameWorld extends AsyncDisposable {
  /**
   * Starts a site, ending an earlier instance of it. When this resolves, all running sites know each other and no
   * others.
   *
   * @param onFrames gets what arrives there
   */
  start(
    siteInstance: SiteInstance,
    onFrames: (from: SiteInstance, bytes: Uint8Array) => void,
  ): Promise<FrameNetwork>;
  /** Frames that this site's network dropped so far because they were for an unknown site. */
  undeliverable(site: string): number;
  /** Lets a little time pass. */
  pass(): Promise<void>;
}

const NORTH: SiteInstance = { site: "north", instance: 7 };
const SOUTH: SiteInstance = { site: "south", instance: 0xffff_fffe };

/** Time passes at most so often before something is held to be lost. */
const PASSES_MAX = 20_000;

/**
 * What every {@link FrameNetwork} must do (docs/spec/streams-network.md). An implementation calls this from its own
 * test file.
 *
 * @param isOrdered whether frames arrive in order as long as nothing breaks
 */
export function frameNetworkConformance(
  name: string,
  open: () => Promise<FrameWorld>,
  { isOrdered }: { readonly isOrdered: boolean },
): void {
  const rule = (text: string, body: (world: FrameWorld) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      await using world = await open();
      await body(world);
    });
  };

  rule("[N1] a frame arrives as it was sent, and says who sent it", async (world) => {
    const [north, south] = await pair(world);
    const frame = makeFrame(40, 1);
    await repeat(
      world,
      () => north.network.send(SOUTH, frame),
      () => south.frames.length > 0,
    );
    assert.deepEqual(south.frames[0], frame);
    assert.deepEqual(south.senders[0], NORTH);
    assert.equal(north.frames.length, 0);
  });

  rule("[N1] frames go both ways at once", async (world) => {
    const [north, south] = await pair(world);
    const send = (): void => {
      north.network.send(SOUTH, makeFrame(100, 1));
      south.network.send(NORTH, makeFrame(200, 2));
    };
    await repeat(world, send, () => south.frames.length > 0 && north.frames.length > 0);
    assert.deepEqual(south.frames[0], makeFrame(100, 1));
    assert.deepEqual(north.frames[0], makeFrame(200, 2));
    assert.deepEqual(north.senders[0], SOUTH);
  });

  rule("[N6] frames of all sizes arrive whole, and are not touched afterwards", async (world) => {
    const [north, south] = await pair(world);
    const random = new SeededRandom(5);
    const max = north.network.maxFrameBytes("south");
    const wanted = new Map<number, Uint8Array>();
    for (let id = 0; id < 300; id++) {
      const size =
        id === 0 ? max : id < 10 ? 9 + id : 9 + random.below(id % 10 === 0 ? max - 9 : 900);
      wanted.set(id, makeFrame(size, id));
    }
    const missing = new Set(wanted.keys());
    const send = (): void => {
      let burst = 0;
      for (const id of missing) {
        north.network.send(SOUTH, wanted.get(id) as Uint8Array);
        if (++burst === 100) break;
      }
    };
    await repeat(world, send, () => {
      for (const frame of south.frames) missing.delete(idOf(frame));
      return missing.size === 0;
    });
    for (const frame of south.frames) assert.deepEqual(frame, wanted.get(idOf(frame)));
  });

  rule("[N8] many frames of one turn arrive", async (world) => {
    const [north, south] = await pair(world);
    await warm(world, north, south);
    const seen = new Set<number>();
    const send = (): void => {
      for (let id = 1; id <= 200; id++)
        if (!seen.has(id)) north.network.send(SOUTH, makeFrame(50, id));
    };
    await repeat(world, send, () => {
      for (const frame of south.frames) seen.add(idOf(frame));
      return seen.size >= 201;
    });
  });

  if (isOrdered) {
    rule("frames arrive in the order of sending, once each", async (world) => {
      const [north, south] = await pair(world);
      await warm(world, north, south);
      south.frames.length = 0;
      for (let turn = 0; turn < 20; turn++) {
        for (let index = 0; index < 50; index++) {
          north.network.send(SOUTH, makeFrame(9 + index * 40, 1 + turn * 50 + index));
        }
        await world.pass();
      }
      await until(world, () => south.frames.length >= 1_000);
      assert.deepEqual(
        south.frames.map(idOf),
        Array.from({ length: 1_000 }, (_, index) => index + 1),
      );
    });
  }

  rule("[N9] at least 1 024 bytes fit a frame, for sites known and unknown", async (world) => {
    const [north] = await pair(world);
    assert.ok(north.network.maxFrameBytes("south") >= 1_024);
    assert.ok(north.network.maxFrameBytes("nowhere") >= 1_024);
  });

  rule("[N10] a frame for an unknown site is dropped and counted", async (world) => {
    const [north, south] = await pair(world);
    north.network.send({ site: "nowhere", instance: 1 }, makeFrame(40, 1));
    await until(world, () => world.undeliverable("north") === 1);
    await warm(world, north, south);
    assert.equal(
      south.frames.every((frame) => idOf(frame) === 0),
      true,
    );
  });

  rule(
    "[N10] a frame for another instance than the one that runs is dropped and counted",
    async (world) => {
      const [north, south] = await pair(world);
      north.network.send({ ...SOUTH, instance: 1 }, makeFrame(40, 1));
      await until(world, () => world.undeliverable("north") === 1);
      await warm(world, north, south);
      assert.equal(
        south.frames.every((frame) => idOf(frame) === 0),
        true,
      );
    },
  );

  rule("[N11] a site that started again gets frames for its new instance only", async (world) => {
    const [north, south] = await pair(world);
    await warm(world, north, south);
    const heard = south.frames.length;
    const again = { site: "south", instance: 3 };
    const reborn = await listener(world, again);
    const before = world.undeliverable("north");
    north.network.send(SOUTH, makeFrame(40, 1));
    await until(world, () => world.undeliverable("north") > before);
    await repeat(
      world,
      () => north.network.send(again, makeFrame(40, 2)),
      () => reborn.frames.length > 0,
    );
    await repeat(
      world,
      () => reborn.network.send(NORTH, makeFrame(40, 3)),
      () => north.frames.length > 0,
    );
    assert.equal(south.frames.length, heard);
    assert.equal(
      reborn.frames.every((frame) => idOf(frame) === 2),
      true,
    );
    assert.deepEqual(north.senders.at(-1), again);
  });
}

interface Listening {
  readonly network: FrameNetwork;
  readonly frames: Uint8Array[];
  readonly senders: SiteInstance[];
}

async function pair(world: FrameWorld): Promise<[Listening, Listening]> {
  const north = await listener(world, NORTH);
  return [north, await listener(world, SOUTH)];
}

async function listener(world: FrameWorld, siteInstance: SiteInstance): Promise<Listening> {
  const frames: Uint8Array[] = [];
  const senders: SiteInstance[] = [];
  const network = await world.start(siteInstance, (from, bytes) => {
    const cut = cutFrames(bytes);
    frames.push(...cut);
    for (const _ of cut) senders.push(from);
  });
  return { network, frames, senders };
}

/** The way is open afterwards. */
async function warm(world: FrameWorld, from: Listening, to: Listening): Promise<void> {
  const count = to.frames.length;
  await repeat(
    world,
    () => from.network.send(SOUTH, makeFrame(9, 0)),
    () => to.frames.length > count,
  );
  // What was repeated meanwhile has come, too.
  for (let pass = 0; pass < 20; pass++) await world.pass();
}

/** Sends now, and again while time passes: a network may lose what it likes. */
async function repeat(world: FrameWorld, send: () => void, isDone: () => boolean): Promise<void> {
  for (let pass = 0; !isDone(); pass++) {
    assert.ok(pass < PASSES_MAX, "it never came");
    if (pass % 50 === 0) send();
    await world.pass();
  }
}

async function until(world: FrameWorld, isDone: () => boolean): Promise<void> {
  await repeat(world, () => {}, isDone);
}

/** A frame of `size` bytes (at least 9), each depending on `id` and its place. */
function makeFrame(size: number, id: number): Uint8Array {
  const frame = new Uint8Array(size);
  for (let at = 8; at < size; at++) frame[at] = (at * 31 + id * 7) & 0xff;
  const view = new DataView(frame.buffer);
  view.setUint32(0, size);
  view.setUint32(4, id);
  return frame;
}

function idOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(4);
}

/** The frames of one call; fails when they are not whole. */
function cutFrames(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const length = view.getUint32(at);
    assert.ok(length >= 9 && at + length <= bytes.byteLength, "only whole frames are told");
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  assert.ok(frames.length > 0, "at least one frame is told");
  return frames;
}
