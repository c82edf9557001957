import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { after, before, type TestContext, test } from "node:test";
import { TLSSocket } from "node:tls";
import fc from "fast-check";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { ERRNO } from "./constants.ts";
import { loadNative } from "./load-native.ts";
import type { NativeCalls } from "./native-calls.ts";
import { type StreamReading, StreamReads } from "./stream-reads.ts";

const { absence, calls: real } = loadNative({ disabled: false });
const skip = absence ?? false;

let server: Server;
before(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => void server.close());

/** Sockets whose streams do not read, and a clock that decides when they are polled. */
class World implements Disposable {
  readonly clock = new VirtualClock();
  readonly reads: StreamReads;

  constructor(faults: Partial<NativeCalls> = {}) {
    this.reads = new StreamReads({
      calls: { ...(real as NativeCalls), ...faults },
      clock: this.clock,
    });
  }

  /** Looks once. */
  look(): void {
    this.clock.advance(LIMITS.patientReadMs);
  }

  /** Looks, and lets the event loop turn, until it is so. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let turn = 0; !isSo(); turn++) {
      assert.ok(turn < 5_000, `${what} does not come true`);
      this.look();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  [Symbol.dispose](): void {
    this.reads[Symbol.dispose]();
  }
}

interface Pair {
  /** Read by the world. */
  readonly near: Socket;
  readonly far: Socket;
  readonly reading: StreamReading | undefined;
  /** What came, by whatever way. */
  bytes(): Buffer;
  /** What came past the stream. */
  readonly past: Uint8Array[];
}

async function open(test: TestContext, { reads }: World): Promise<Pair> {
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const far = connect(address.port, "127.0.0.1");
  const [[near]] = await Promise.all([accepted, once(far, "connect")]);
  test.after(() => {
    near.destroy();
    far.destroy();
  });
  far.on("error", () => {});
  const all: Uint8Array[] = [];
  const past: Uint8Array[] = [];
  near.on("data", (piece) => all.push(piece));
  // A stream starts to read in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  const reading = reads.take(near, (piece) => {
    all.push(piece);
    past.push(piece);
  });
  return { near, far, reading, bytes: () => Buffer.concat(all), past };
}

function pattern(count: number, start = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (start + index) % 251);
}

test("what comes is handed on when it is looked for, past the stream", { skip }, async (t) => {
  using world = new World();
  const pair = await open(t, world);
  pair.far.write(pattern(100));
  await world.until("it comes", () => pair.past.length > 0);
  assert.deepEqual(pair.bytes(), Buffer.from(pattern(100)));
  assert.equal(pair.near.bytesRead, 0, "the stream has read nothing");
});

test("all comes in order, before and after the stream reads again, and so does the end", {
  skip,
}, async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, async (before, behind) => {
      using world = new World();
      const { bytes, far, near, reading } = await open(t, world);
      let sent = 0;
      const write = (size: number): void => {
        far.write(pattern(size, sent));
        sent += size;
      };
      before.forEach(write);
      world.look();
      reading?.handBack();
      behind.forEach(write);
      far.end();
      await once(near, "end");
      assert.deepEqual(bytes(), Buffer.from(pattern(sent)));
    }),
    { numRuns: 20 },
  );
});

test("the end of a stream is seen without being asked for", { skip }, async (t) => {
  using world = new World();
  const { bytes, far, near } = await open(t, world);
  const ended = once(near, "end");
  far.end(pattern(70_000));
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  await world.until("it ends", () => isEnded);
  assert.deepEqual(bytes(), Buffer.from(pattern(70_000)));
  assert.equal(world.reads.count, 0);
});

test("a reset ends with an error", { skip }, async (t) => {
  using world = new World();
  const { far, near } = await open(t, world);
  let code: unknown;
  near.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code;
  });
  far.resetAndDestroy();
  await world.until("it ends", () => code !== undefined);
  assert.equal(code, "ECONNRESET");
  assert.equal(world.reads.count, 0);
});

test("an error that only we received ends the stream with it", { skip }, async (t) => {
  using world = new World({ receive: () => -ERRNO.ECONNRESET });
  const { far, near } = await open(t, world);
  let code: unknown;
  near.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code;
  });
  far.write("x");
  await world.until("it ends", () => code !== undefined);
  assert.equal(code, "ECONNRESET");
});

test("a call that finds nothing after all is not an end", { skip }, async (t) => {
  let refusals = 3;
  using world = new World({
    receive: (descriptor, address, byteLength) =>
      refusals-- > 0
        ? -(refusals % 2 === 0 ? ERRNO.EAGAIN : ERRNO.EINTR)
        : (real as NativeCalls).receive(descriptor, address, byteLength),
  });
  const { bytes, far } = await open(t, world);
  far.write(pattern(10));
  await world.until("it comes", () => bytes().byteLength === 10);
});

test("where the kernel refuses, the stream reads", { skip }, async (t) => {
  for (const faults of [
    { openPoll: () => -ERRNO.EPERM },
    { setPoll: () => -ERRNO.ENOSYS },
  ] as const) {
    using world = new World(faults);
    const { bytes, far, near, reading } = await open(t, world);
    assert.equal(reading, undefined);
    far.write(pattern(10));
    await once(near, "data");
    assert.deepEqual(bytes(), Buffer.from(pattern(10)));
  }
});

test("sockets come and go, and none is left, nor a timer", { skip }, async (t) => {
  using world = new World();
  for (let round = 0; round < 5; round++) {
    const pairs: Pair[] = [];
    while (pairs.length < 20) pairs.push(await open(t, world));
    assert.equal(world.reads.count, 20);
    for (const { far } of pairs) far.write(pattern(30));
    world.look();
    // Half of them end here, half there.
    for (const [index, { far, near }] of pairs.entries()) (index % 2 === 0 ? far : near).destroy();
    await world.until("all have gone", () => world.reads.count === 0);
  }
  assert.equal(world.clock.pending.length, 0);
});

test("a sender may have it poll sooner, though not all the time", { skip }, async (t) => {
  let looks = 0;
  using world = new World({
    lookAtPoll: (poll, events, count) => {
      looks++;
      return (real as NativeCalls).lookAtPoll(poll, events, count);
    },
  });
  await open(t, world);
  for (let ms = 0; ms < 1_000; ms += 10) {
    world.clock.advance(10);
    world.reads.suggest();
    await Promise.resolve();
  }
  assert.ok(looks >= 20 && looks <= 1_000 / (LIMITS.eagerReadMs - 10) + 1, `${looks} looks in 1 s`);
});

test("a socket that is not a plain TCP socket read by Node is left alone", { skip }, async (t) => {
  using world = new World();
  const { near } = await open(t, world);
  assert.equal(
    world.reads.take(new PassThrough(), () => {}),
    undefined,
  );
  const secure = new TLSSocket(near);
  secure.on("error", () => {});
  assert.equal(
    world.reads.take(secure, () => {}),
    undefined,
  );
  secure.destroy();
  near.destroy();
  assert.equal(
    world.reads.take(near, () => {}),
    undefined,
  );
});
