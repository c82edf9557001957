import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { allocate, putAddress } from "./batch-memory.ts";
import { ERRNO, errorName, SOCKET } from "./constants.ts";
import { countSegments } from "./count-segments.ts";
import { setNotSentLowWater, tcpDescriptor, udpDescriptor } from "./descriptors.ts";
import { loadNative } from "./load-native.ts";

const { absence, calls } = loadNative({ disabled: false });

test("memory does not straddle a multiple of 4 GiB", () => {
  const high = 2 ** 32;
  const addresses = [3 * high - 50, 5 * high - 100, 7 * high - 101];
  const kept: Uint8Array[] = [];
  const block = allocate((bytes) => {
    kept.push(bytes);
    return addresses[kept.length - 1] as number;
  }, 100);
  assert.equal(block.address, 5 * high - 100);
  assert.equal(block.bytes, kept[1]);
  putAddress(block.words, 8, 7 * high - 101);
  assert.deepEqual([...block.words.subarray(2, 4)], [high - 101, 6]);
});

test("[G11] a segmented send has datagrams of one size, of which the last may be shorter", () => {
  const lengthOf = (...sizes: number[]): number =>
    countSegments(
      sizes.map((size) => new Uint8Array(size)),
      0,
    );
  assert.equal(lengthOf(10), 1);
  assert.equal(lengthOf(10, 10, 10), 3);
  assert.equal(lengthOf(10, 10, 9, 9), 3);
  assert.equal(lengthOf(10, 11), 1);
  assert.equal(lengthOf(10, 10, 11), 2);
  assert.equal(lengthOf(0, 0), 1);
  assert.equal(lengthOf(10, 0), 1);
  assert.equal(lengthOf(...new Array<number>(100).fill(10)), 64);
  assert.equal(lengthOf(...new Array<number>(100).fill(1_400)), 45);
  assert.equal(lengthOf(32_000, 32_000, 1), 2);
  assert.equal(lengthOf(32_001, 32_001), 1);
});

test("errors have the names that Node gives them", () => {
  assert.equal(errorName(ERRNO.EMSGSIZE), "EMSGSIZE");
  assert.equal(errorName(9_999), "other");
});

if (calls === undefined) {
  test("native calls", (t) => t.skip(`no native calls: ${absence}`));
} else {
  test("wrong descriptors are errors, by number", () => {
    const { messages, arrivals, report } = calls.memory;
    const EBADF = 9;
    assert.equal(calls.sendmmsg(-1, messages.address, 1), -EBADF);
    assert.equal(calls.recvmmsg(-1, arrivals.address, 1), -EBADF);
    assert.equal(calls.takeError(-1, report.address), -EBADF);
    assert.equal(calls.setOption(-1, 1, 1, 1), -EBADF);
    assert.equal(calls.getOption(-1, 1, 1), -EBADF);
    assert.equal(calls.unsentBytes(-1), -EBADF);
  });

  test("options of a UDP socket are set and read", async () => {
    const socket = createSocket("udp4");
    assert.equal(udpDescriptor(socket), undefined);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const descriptor = udpDescriptor(socket);
    assert(descriptor !== undefined);
    assert.equal(calls.getOption(descriptor, SOCKET.solIp, SOCKET.ipRecvErr), 0);
    assert.equal(calls.setOption(descriptor, SOCKET.solIp, SOCKET.ipRecvErr, 1), 0);
    assert.equal(calls.getOption(descriptor, SOCKET.solIp, SOCKET.ipRecvErr), 1);
    socket.close();
    assert.equal(udpDescriptor(socket), undefined);
  });

  test("the kernel reports what a TCP socket has not sent, and limits it to a mark", async () => {
    const server = createServer((peer) => peer.pause());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    const accepted: Promise<[Socket]> = once(server, "connection") as Promise<[Socket]>;
    const socket = connect(address.port, "127.0.0.1");
    await once(socket, "connect");
    const [peer] = await accepted;
    const descriptor = tcpDescriptor(socket);
    assert(descriptor !== undefined);
    assert.equal(calls.unsentBytes(descriptor), 0);
    assert.equal(setNotSentLowWater(calls, socket, 100_000), true);
    assert.equal(calls.getOption(descriptor, SOCKET.solTcp, SOCKET.tcpNotSentLowWater), 100_000);
    // More than the peer's window, since it does not read.
    socket.write(new Uint8Array(32 * 1024 * 1024));
    while (calls.unsentBytes(descriptor) === 0) await new Promise(setImmediate);
    socket.destroy();
    assert.equal(tcpDescriptor(socket), undefined);
    assert.equal(setNotSentLowWater(calls, socket, 1), false);
    peer.destroy();
    server.close();
    await once(server, "close");
  });
}

test("no warning is printed, whether there are native calls or not", async () => {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    const { loadNative } = await import(${url("./load-native.js")});
    const { openDatagramSocket } = await import(${url("../datagram-socket.js")});
    const log = { debug() {}, warn: console.error };
    for (const disabled of [false, true]) {
      const { calls } = loadNative({ disabled });
      const socket = await openDatagramSocket({ host: "127.0.0.1", port: 0, log, native: calls });
      socket.send(new Uint8Array(3), socket.remote("127.0.0.1", socket.port));
      await socket[Symbol.asyncDispose]();
    }
  `;
  const node = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  assert.deepEqual(await node, { stdout: "", stderr: "" });
});
