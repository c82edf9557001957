import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { after, before, type TestContext, test } from "node:test";
import { TLSSocket } from "node:tls";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { ERRNO } from "./constants.ts";
import { tcpDescriptor } from "./descriptors.ts";
import { loadNative } from "./load-native.ts";
import type { NativeCalls } from "./native-calls.ts";
import { type StreamWriter, StreamWrites } from "./stream-writes.ts";

const { absence, calls: real } = loadNative({ disabled: false });
const skip = absence ?? false;

let server: Server;
before(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => void server.close());

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  readonly writer: StreamWriter;
  /** What came, once it is `count` bytes. */
  received(count: number): Promise<Buffer>;
}

async function open(test: TestContext, faults: Partial<NativeCalls> = {}): Promise<Pair> {
  const address = server.address();
  assert(real !== undefined && typeof address === "object" && address !== null);
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect(address.port, "127.0.0.1");
  const [[far]] = await Promise.all([accepted, once(near, "connect")]);
  const writer = new StreamWrites({ ...real, ...faults }).writerTo(near);
  assert(writer !== undefined);
  test.after(() => {
    near.destroy();
    far.destroy();
  });
  const pieces: Buffer[] = [];
  return {
    near,
    far,
    writer,
    async received(count) {
      let missing = count;
      far.on("data", (piece) => {
        pieces.push(piece);
        missing -= piece.byteLength;
      });
      while (missing > 0) await once(far, "data");
      return Buffer.concat(pieces);
    },
  };
}

/** Bytes that show their offset. */
function pattern(count: number, start = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (start + index) % 251);
}

test("what is written leaves at once, past the stream", { skip }, async (t) => {
  let calls = 0;
  const send: NativeCalls["send"] = (descriptor, address, byteLength) => {
    calls++;
    return (real as NativeCalls).send(descriptor, address, byteLength);
  };
  const { near, received, writer } = await open(t, { send });
  const bytes = pattern(1_000);
  for (let i = 0; i < 5; i++) writer.write(bytes);
  assert.equal(calls, 5);
  assert.equal(near.bytesWritten, 0, "the stream has written nothing");
  assert.deepEqual(await received(5_000), Buffer.concat([bytes, bytes, bytes, bytes, bytes]));
});

test("whatever the kernel takes, all arrives in order", { skip }, async (t) => {
  const refusals = fc.oneof(
    fc.constant("all" as const),
    fc.constant("nothing" as const),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(refusals, { minLength: 1, maxLength: 30 }), async (script) => {
      const turns = script.values();
      const send: NativeCalls["send"] = (descriptor, address, byteLength) => {
        const turn = turns.next().value ?? "all";
        if (turn === "nothing") return -ERRNO.EAGAIN;
        const share = turn === "all" ? 1 : turn;
        const count = Math.max(1, Math.floor(byteLength * share));
        return (real as NativeCalls).send(descriptor, address, count);
      };
      const { near, received, writer } = await open(t, { send });
      const sizes = script.map((_, index) => 1 + ((index * 7_919) % 20_000));
      let sent = 0;
      for (const [index, size] of sizes.entries()) {
        const bytes = pattern(size, sent);
        // Others write to the stream too.
        if (index % 5 === 4) near.write(bytes);
        else writer.write(bytes);
        sent += size;
      }
      assert.deepEqual(await received(sent), Buffer.from(pattern(sent)));
    }),
    { numRuns: 25 },
  );
});

test("a connection that is gone ends with an error, not the process", { skip }, async (t) => {
  const { far, near, writer } = await open(t);
  const failed = once(near, "error");
  far.resetAndDestroy();
  const bytes = pattern(1_000);
  const turns = setInterval(() => writer.write(bytes), 1);
  const [error] = (await failed) as [NodeJS.ErrnoException];
  clearInterval(turns);
  assert.match(String(error.code), /^(EPIPE|ECONNRESET)$/);
});

test("a call that fails for good leaves the stream to find out", { skip }, async (t) => {
  for (const errno of [ERRNO.EINVAL, ERRNO.ENOBUFS, ERRNO.EINTR]) {
    const { received, writer } = await open(t, { send: () => -errno });
    writer.write(pattern(500));
    assert.deepEqual(await received(500), Buffer.from(pattern(500)));
  }
});

test("after its socket was destroyed nothing is written, whatever has its descriptor now", {
  skip,
}, async (t) => {
  const first = await open(t);
  const descriptor = tcpDescriptor(first.near);
  first.near.on("error", () => {});
  first.near.destroy();
  await once(first.near, "close");
  const later: Pair[] = [];
  while (!later.some(({ near }) => tcpDescriptor(near) === descriptor)) later.push(await open(t));
  const heir = later.at(-1) as Pair;
  first.writer.write(pattern(300));
  heir.writer.write(pattern(7));
  assert.deepEqual(await heir.received(7), Buffer.from(pattern(7)));
});

test("what a peer does not take shows in the stream, not in the kernel", { skip }, async (t) => {
  const { far, near, received, writer } = await open(t);
  far.pause();
  const bytes = pattern(16_384);
  // More than all buffers of both ends hold.
  const count = 2_048;
  for (let i = 0; i < count; i++) writer.write(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  const unsent = (real as NativeCalls).unsentBytes(tcpDescriptor(near) as number);
  assert(near.writableLength > 0, "the stream holds what the kernel does not");
  // The kernel checks before it allocates another buffer, which holds up to 64 KiB.
  assert(unsent <= LIMITS.notSentBytesMax + 65_536, `${unsent} bytes wait in the kernel`);
  far.resume();
  assert.equal((await received(count * bytes.byteLength)).byteLength, count * bytes.byteLength);
});

test("only a plain TCP socket that is connected can be written to", { skip }, async (t) => {
  const { near } = await open(t);
  const writes = new StreamWrites(real as NativeCalls);
  assert.equal(writes.writerTo(new PassThrough()), undefined);
  assert.equal(writes.writerTo(new Socket()), undefined);
  const secure = new TLSSocket(near);
  secure.on("error", () => {});
  assert.equal(writes.writerTo(secure), undefined);
  secure.destroy();
});
