import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { test } from "node:test";
import { Counters, LIMITS, SeededRandom } from "../../base/index.ts";
import { zeroTotals } from "../datagram-totals.ts";
import { Arrivals, datagramOf, opener } from "../datagrams.conformance.ts";
import type { Remote } from "../datagrams.ts";
import { PlainSender } from "../plain-sender.ts";
import { RemoteEntry } from "../remote-entry.ts";
import { ERRNO, LAYOUT, SOCKET } from "./constants.ts";
import { checkAllArrive, faulty, Peek, worldOf } from "./faults.test.support.ts";
import { loadNative } from "./load-native.ts";
import type { NativeCalls } from "./native-calls.ts";

const { absence, calls: real } = loadNative({ disabled: false });

/** What the wrapped call would do. */
type Send = NativeCalls["sendmmsg"];

if (real === undefined) {
  test("faults of native calls", (t) => t.skip(`no native calls: ${absence}`));
} else {
  const { EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, ENOSYS, EPERM } = ERRNO;
  const { ENETUNREACH, ENOBUFS } = ERRNO;

  for (const [error, name] of [
    [EIO, "EIO"],
    [EINVAL, "EINVAL"],
  ] as const) {
    test(`[G21] ${name} on a segmented send of small datagrams ends segmentation at the socket`, async () => {
      const peek = new Peek(real);
      const sendmmsg: Send = (descriptor, headers, count) =>
        count > 0 && peek.isSegmented(headers) ? -error : real.sendmmsg(descriptor, headers, count);
      await using world = await worldOf(faulty(peek.calls, { sendmmsg }), 5);
      await checkAllArrive(world);
      await checkAllArrive(world);
      const { mode, segments, sent } = world.sender.stats;
      assert.deepEqual({ mode, segments, sent }, { mode: "batched", segments: 0, sent: 200 });
      assert.deepEqual(world.sender.counts.toJSON(), {});
    });
  }

  for (const [error, name] of [
    [EMSGSIZE, "EMSGSIZE"],
    [EINVAL, "EINVAL"],
  ] as const) {
    test(`[G22] ${name} on a segmented send of large datagrams ends segmentation to that remote`, async () => {
      const peek = new Peek(real);
      let attempts = 0;
      let narrow: number | undefined;
      const sendmmsg: Send = (descriptor, headers, count) => {
        for (let at = 0; at < count; at++) {
          const header = headers + at * LAYOUT.message;
          if (!(peek.isSegmented(header) && peek.port(header) === narrow)) continue;
          if (at > 0) return real.sendmmsg(descriptor, headers, at);
          attempts++;
          return -error;
        }
        return real.sendmmsg(descriptor, headers, count);
      };
      await using world = await worldOf(faulty(peek.calls, { sendmmsg }), 5);
      narrow = world.remotes[2]?.port;
      const bytes = Array.from({ length: 10 }, (_, at) => datagramOf(1_400, at));
      for (const each of bytes) world.group.send(each);
      for (const each of world.arrivals) assert.deepEqual(await each.reach(10), bytes);
      // After the first EMSGSIZE the kernel is allowed to cut datagrams, which does not help a segmented send.
      const expected = error === EMSGSIZE ? 2 : 1;
      assert.equal(attempts, expected);
      assert.equal(world.sender.stats.segments, 40);
      await checkAllArrive(world);
      assert.equal(attempts, expected);
      assert.equal(world.sender.stats.segments, 40 + 80);
      assert.deepEqual(world.sender.counts.toJSON(), {});
    });
  }

  for (const [error, mode] of [
    [EMSGSIZE, "batched"],
    [ENOSYS, "plain"],
  ] as const) {
    test(`[G27] the kernel cuts datagrams after all: ${mode} sockets`, async () => {
      const values: number[] = [];
      let looks = 0;
      let isRefused = false;
      const native = faulty(real, {
        setOption(descriptor, level, option, value) {
          if (option === SOCKET.ipMtuDiscover) values.push(value);
          return real.setOption(descriptor, level, option, value);
        },
        takeError(descriptor, header) {
          looks++;
          return real.takeError(descriptor, header);
        },
        sendmmsg(descriptor, headers, count) {
          if (count > 0 && isRefused && values.length === 1) return -error;
          return real.sendmmsg(descriptor, headers, count);
        },
      });
      await using world = await worldOf(native, 3);
      await checkAllArrive(world);
      assert.deepEqual(values, [SOCKET.pmtuDo]);
      isRefused = true;
      await checkAllArrive(world);
      assert.deepEqual(values, [SOCKET.pmtuDo, SOCKET.pmtuWant]);
      assert.equal(world.sender.stats.mode, mode);
      assert.deepEqual(world.sender.counts.toJSON(), {});
      // The refusal may have stood for a report, which would wake the thread forever.
      if (error === EMSGSIZE) assert(looks > 0);
    });
  }

  test("[G20] a kernel without UDP_SEGMENT gets no segmented sends", async () => {
    const getOption = () => -92;
    await using world = await worldOf(faulty(real, { getOption }), 3);
    await checkAllArrive(world);
    assert.equal(world.sender.stats.segments, 0);
    assert.equal(world.sender.stats.mode, "batched");
  });

  test("[G23] without room in the kernel, the rest goes by Node, in order", async () => {
    let call = 0;
    const sendmmsg: Send = (descriptor, headers, count) =>
      count > 0 && ++call % 2 === 0
        ? -EAGAIN
        : real.sendmmsg(descriptor, headers, Math.min(count, 2));
    await using world = await worldOf(faulty(real, { sendmmsg }), 5);
    for (let round = 0; round < 5; round++) await checkAllArrive(world);
    assert.equal(world.sender.stats.mode, "batched");
    assert.equal(world.sender.stats.sent, 500);
    assert.deepEqual(world.sender.counts.toJSON(), {});
  });

  test("[G23] what waits in Node is bounded, and the rest counted", () => {
    let queued = LIMITS.udpBufferBytes - 100;
    const socket = {
      getSendQueueSize: () => queued,
      getSendQueueCount: () => 1,
      send: (bytes: Uint8Array) => {
        queued += bytes.byteLength;
      },
    };
    const counts = new Counters();
    const sender = new PlainSender(socket as unknown as Socket, {
      counts,
      totals: zeroTotals(),
      onError: (error) => assert.fail(error),
    });
    const missed: string[] = [];
    const remote = new RemoteEntry("127.0.0.1", 9);
    const send = () => sender.sendOne(new Uint8Array(60), remote, (reason) => missed.push(reason));
    assert.deepEqual([send(), send(), send()], [true, false, false]);
    assert.deepEqual(missed, ["send-queue-full", "send-queue-full"]);
    assert.equal(counts.get("send-queue-full"), 2);
  });

  for (const [error, name] of [
    [ENETUNREACH, "ENETUNREACH"],
    [ECONNREFUSED, "ECONNREFUSED"],
    [EPERM, "EPERM"],
    [ENOBUFS, "ENOBUFS"],
    [EINTR, "EINTR"],
    [EMSGSIZE, "EMSGSIZE"],
    [999, "other"],
  ] as const) {
    test(`[G24] ${name} for one remote is counted, and the others get theirs`, async () => {
      const peek = new Peek(real);
      let bad: number | undefined;
      const sendmmsg: Send = (descriptor, headers, count) => {
        for (let at = 0; at < count; at++) {
          if (peek.port(headers + at * LAYOUT.message) !== bad) continue;
          return at === 0 ? -error : real.sendmmsg(descriptor, headers, at);
        }
        return real.sendmmsg(descriptor, headers, count);
      };
      await using world = await worldOf(faulty(peek.calls, { sendmmsg }), 5);
      bad = world.remotes[3]?.port;
      const bytes = Array.from({ length: 4 }, (_, at) => datagramOf(100 + at, at));
      for (const each of bytes) world.group.send(each);
      for (const remote of world.remotes) world.group.delete(remote);
      for (const each of bytes) for (const to of world.remotes) world.sender.send(each, to);
      for (const [index, each] of world.arrivals.entries()) {
        if (index === 3) continue;
        assert.deepEqual(await each.reach(8), [...bytes, ...bytes]);
      }
      const told = world.missed.map((reasons) => reasons.length);
      assert.deepEqual(told, [0, 0, 0, 4, 0]);
      assert.deepEqual(world.sender.counts.toJSON(), { [`error-${name}`]: 8 });
      assert.equal(world.sender.stats.mode, "batched");
    });
  }

  for (const [error, name] of [
    [ENOSYS, "ENOSYS"],
    [EPERM, "EPERM"],
  ] as const) {
    test(`[G26] ${name} from the first call on makes the socket plain`, async () => {
      for (const fault of ["sendmmsg", "recvmmsg"] as const) {
        await using world = await worldOf(faulty(real, { [fault]: () => -error }), 3);
        assert.equal(world.sender.stats.mode, "plain");
        assert.equal(world.sender.stats.reason, "kernel-refused");
        await checkAllArrive(world);
      }
    });
  }

  test("[G26] ENOSYS in the middle makes the socket plain, and nothing is lost", async () => {
    let call = 0;
    const sendmmsg: Send = (descriptor, headers, count) =>
      ++call > 2 ? -ENOSYS : real.sendmmsg(descriptor, headers, Math.min(count, 2));
    await using world = await worldOf(faulty(real, { sendmmsg }), 5);
    assert.equal(world.sender.stats.mode, "batched");
    for (let round = 0; round < 3; round++) await checkAllArrive(world);
    assert.equal(world.sender.stats.mode, "plain");
    assert.equal(world.sender.stats.reason, "kernel-refused");
    assert.equal(call, 3);
  });

  test("[G26] refused receiving makes the socket plain, and nothing is lost", async () => {
    for (const error of [ENOSYS, EPERM]) {
      let call = 0;
      const recvmmsg: NativeCalls["recvmmsg"] = (descriptor, headers, count) =>
        ++call > 2 ? -error : real.recvmmsg(descriptor, headers, Math.min(count, 3));
      await using receiver = await opener({ native: faulty(real, { recvmmsg }) })();
      await using sender = await opener({})();
      const arrivals = new Arrivals(receiver);
      const sent = Array.from({ length: 40 }, (_, at) => datagramOf(10, at));
      const to = sender.remote(receiver.host, receiver.port);
      for (const each of sent) sender.send(each, to);
      assert.deepEqual(await arrivals.reach(40), sent);
      assert.equal(receiver.stats.reason, "kernel-refused");
      assert.equal(call, 3);
    }
  });

  test("a message is sent or counted, in order, whatever fails", async () => {
    const kinds = [EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, EPERM, ENETUNREACH];
    for (let seed = 1; seed <= 25; seed++) {
      const random = new SeededRandom(seed);
      let isFaulty = true;
      const fail = (): boolean => isFaulty && random.float() < 0.3;
      const error = (): number => -(kinds[random.below(kinds.length)] as number);
      const native = faulty(real, {
        sendmmsg(descriptor, headers, count) {
          if (count === 0) return 0;
          if (fail()) return random.float() < 0.02 ? -ENOSYS : error();
          const most = isFaulty ? 1 + random.below(count) : count;
          return real.sendmmsg(descriptor, headers, most);
        },
        takeError: (descriptor, header) => (fail() ? error() : real.takeError(descriptor, header)),
        setOption: (...all) => (fail() ? error() : real.setOption(...all)),
        getOption: (...all) => (fail() ? error() : real.getOption(...all)),
      });
      await using world = await worldOf(native, 4);
      const sent = world.remotes.map((): Uint8Array[] => []);
      const apart = world.remotes.slice(2);
      for (const remote of apart) world.group.delete(remote);
      for (let turn = 0; turn < 6; turn++) {
        for (let at = random.below(8); at > 0; at--) {
          const bytes = datagramOf(random.float() < 0.5 ? 60 : 61, turn * 10 + at);
          world.group.send(bytes);
          for (const list of sent.slice(0, 2)) list.push(bytes);
          const index = random.float() < 0.5 ? 2 : 3;
          world.sender.send(bytes, world.remotes[index] as Remote);
          sent[index]?.push(bytes);
        }
        await new Promise(setImmediate);
      }
      isFaulty = false;
      const last = datagramOf(3, 3);
      for (const [index, list] of sent.entries()) {
        world.sender.send(last, world.remotes[index] as Remote);
        list.push(last);
      }
      let lost = 0;
      for (const [index, each] of world.arrivals.entries()) {
        while (each.datagrams.at(-1)?.byteLength !== 3) await new Promise(setImmediate);
        lost += (sent[index]?.length ?? 0) - each.datagrams.length;
        let at = 0;
        for (const bytes of each.datagrams) {
          while (Buffer.compare(sent[index]?.[at] ?? last, bytes) !== 0) at++;
          assert(at < (sent[index]?.length ?? 0), `seed ${seed}: in the order of sending`);
          at++;
        }
      }
      const counted = Object.values(world.sender.counts.toJSON()).reduce((a, b) => a + b, 0);
      assert.equal(lost, counted, `seed ${seed}: ${JSON.stringify(world.sender.counts)}`);
    }
  });
}
