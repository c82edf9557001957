import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { SILENT, SystemClock } from "../../base/index.ts";
import { openDatagramSocket } from "../datagram-socket.ts";
import type { DatagramSocket } from "../datagrams.ts";
import { receivingHandle } from "./descriptors.ts";
import { loadNative } from "./load-native.ts";
import type { NativeCalls, Watch } from "./native-calls.ts";
import { WatchShutdown } from "./watch-shutdown.ts";

const HOST = "127.0.0.1";
const { absence, calls } = loadNative({ disabled: false });

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

async function sender(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  return socket;
}

function open(native: NativeCalls): Promise<DatagramSocket> {
  return openDatagramSocket({
    host: HOST,
    port: 0,
    clock: new SystemClock(),
    log: SILENT,
    native,
  });
}

if (calls?.watch === undefined) {
  test("watches", (t) =>
    t.skip(`no native watches: ${absence ?? "not with this version of Node"}`));
} else {
  const watch = calls.watch;

  test("what arrives is received without Node, and what is put off in a handler is done at once", async () => {
    await using socket = await open(calls);
    const from = await sender();
    const steps: string[] = [];
    socket.onDatagram((bytes) => {
      steps.push(`datagram of ${bytes.byteLength}`);
      process.nextTick(() => steps.push("tick"));
      queueMicrotask(() => steps.push("microtask"));
    });
    from.send(new Uint8Array(5), socket.port, HOST);
    await until(() => steps.length >= 3);
    assert.deepEqual(steps, ["datagram of 5", "tick", "microtask"]);
    assert.equal(socket.stats.received, 1);
    from.close();
  });

  test("what a handler sends leaves when all that arrived has been handed on, by one call", async () => {
    await using socket = await open(calls);
    await using other = await open(calls);
    const from = await sender();
    const sizes: number[] = [];
    other.onDatagram((bytes) => sizes.push(bytes.byteLength));
    const group = socket.openGroup();
    group.add(socket.remote(HOST, other.port));
    socket.onDatagram((bytes) => group.send(bytes.slice()));
    // They wait together: meanwhile none is polled.
    for (let size = 1; size <= 20; size++) from.send(new Uint8Array(100), socket.port, HOST);
    from.send(new Uint8Array(1), socket.port, HOST);
    await until(() => sizes.at(-1) === 1);
    assert.equal(sizes.length, 21);
    const { received, receiveCalls, sendCalls, sent } = socket.stats;
    assert.deepEqual([received, sent], [21, 21]);
    assert.equal(sendCalls, receiveCalls);
    group.close();
    from.close();
  });

  test("a handler may close its socket, and the event loop ends without it", async () => {
    const socket = await open(calls);
    const from = await sender();
    const closed = new Promise<void>((resolve) => {
      socket.onDatagram(() => resolve(socket[Symbol.asyncDispose]()));
    });
    from.send(new Uint8Array(5), socket.port, HOST);
    await closed;
    from.close();
  });

  test("timers, immediates and messages have their turn while datagrams never end", async () => {
    await using socket = await open(calls);
    const self = socket.remote(HOST, socket.port);
    let isOver = false;
    socket.onDatagram((bytes) => {
      if (!isOver) socket.send(bytes.slice(), self);
    });
    socket.send(new Uint8Array(9), self);
    const { port1, port2 } = new MessageChannel();
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setImmediate(resolve));
      port2.postMessage("");
      await once(port1, "message");
    }
    assert(socket.stats.received > 5);
    isOver = true;
    port1.close();
  });

  test("timers that are set in a handler count from then", async () => {
    await using socket = await open(calls);
    const from = await sender();
    const waits: number[] = [];
    socket.onDatagram(() => {
      const since = performance.now();
      setTimeout(() => waits.push(performance.now() - since), 20);
    });
    for (let count = 1; count <= 5; count++) {
      from.send(new Uint8Array(9), socket.port, HOST);
      await until(() => socket.stats.received === count);
      await new Promise((resolve) => setTimeout(resolve, 7));
    }
    await until(() => waits.length === 5);
    // The loop's clock has whole milliseconds.
    for (const wait of waits) assert(wait > 18, `${wait} ms`);
    from.close();
  });

  test("an error at the socket does not end the watch", async () => {
    await using socket = await open(calls);
    const gone = await sender();
    const { port } = gone.address();
    gone.close();
    await once(gone, "close");
    const from = await sender();
    let count = 0;
    socket.onDatagram(() => count++);
    const missed: string[] = [];
    const group = socket.openGroup();
    group.add(socket.remote(HOST, port), (reason) => missed.push(reason));
    for (let round = 1; round <= 5; round++) {
      group.send(new Uint8Array(10));
      await until(() => missed.length === round);
      from.send(new Uint8Array(5), socket.port, HOST);
      await until(() => count === round);
    }
    assert.deepEqual(new Set(missed), new Set(["refused"]));
    from.close();
  });

  test("Node receives again when there is never anything to receive", async () => {
    let again = 0;
    let onReadable = (): void => {};
    const idle: Watch = { again: () => again++, close() {} };
    const native: NativeCalls = {
      ...calls,
      watch(_descriptor, callback) {
        onReadable = callback;
        return idle;
      },
    };
    await using socket = await open(native);
    let count = 0;
    socket.onDatagram(() => count++);
    for (let i = 0; i < 1_000; i++) onReadable();
    assert.equal(again, 1_000);
    onReadable();
    const from = await sender();
    from.send(new Uint8Array(5), socket.port, HOST);
    await until(() => count === 1);
    from.close();
  });

  test("where the event loop cannot be polled, Node receives", async () => {
    await using socket = await open({ ...calls, watch: () => undefined });
    const from = await sender();
    let count = 0;
    socket.onDatagram(() => count++);
    from.send(new Uint8Array(5), socket.port, HOST);
    await until(() => count === 1);
    from.close();
  });

  test("descriptors of watches are given back, and children do not get them", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, HOST);
    await once(socket, "listening");
    const handle = receivingHandle(socket);
    assert(handle !== undefined);
    const opened = watch(handle.fd, () => {});
    assert(opened !== undefined);
    opened.close();
    opened.close();
    const second = watch(handle.fd, () => {});
    second?.close();
    assert.equal(
      watch(-1, () => {}),
      undefined,
    );
    socket.close();
  });

  for (const how of ["exit", "throw", "terminate"]) {
    test(`a thread with a busy socket ends without taking the process along: ${how}`, async () => {
      for (let round = 0; round < 5; round++) {
        const watchShutdown = new WatchShutdown();
        const entry = new URL("./watch-thread.test.support.js", import.meta.url);
        const thread = new Worker(entry, {
          workerData: watchShutdown.end,
          transferList: [watchShutdown.end.port],
        });
        thread.on("error", (error) => assert.match(error.message, /a bug/));
        const ended = new Promise((resolve) => thread.once("exit", resolve));
        const [port] = await once(thread, "message");
        const from = await sender();
        for (let i = 0; i < 300; i++) from.send(new Uint8Array(9), port as number, HOST);
        if (how === "terminate") {
          assert.equal(watchShutdown.closeAll(10_000), true);
          await thread.terminate();
        } else thread.postMessage(how);
        await ended;
        from.close();
      }
    });
  }
}

test("a shutdown waits no longer than its time for a thread that does not answer", () => {
  assert.equal(new WatchShutdown().closeAll(20), false);
});
