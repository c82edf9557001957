import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrivals, datagramOf, opener } from "../datagrams.conformance.ts";
import type { Remote } from "../datagrams.ts";
import { ERRNO, SOCKET } from "./constants.ts";
import { checkAllArrive, faulty, worldOf } from "./faults.test.support.ts";
import { loadNative } from "./load-native.ts";
import type { NativeCalls } from "./native-calls.ts";

const { absence, calls: real } = loadNative({ disabled: false });

/** What the wrapped call would do. */
type Send = NativeCalls["sendmmsg"];

if (real === undefined) {
  test("faults of native calls that receive", (t) => t.skip(`no native calls: ${absence}`));
} else {
  const { EAGAIN, EINVAL, ENOBUFS, ENOSYS, EPERM } = ERRNO;

  test("other errors of receiving are counted, and receiving continues", async () => {
    let call = 0;
    const recvmmsg: NativeCalls["recvmmsg"] = (descriptor, headers, count) =>
      count > 0 && ++call % 2 === 0
        ? -ENOBUFS
        : real.recvmmsg(descriptor, headers, Math.min(count, 3));
    await using receiver = await opener({ native: faulty(real, { recvmmsg }) })();
    await using sender = await opener({})();
    const arrivals = new Arrivals(receiver);
    const sent = Array.from({ length: 40 }, (_, at) => datagramOf(10, at));
    const to = sender.remote(receiver.host, receiver.port);
    for (const each of sent) sender.send(each, to);
    assert.deepEqual(await arrivals.reach(40), sent);
    assert(receiver.counts.get("error-ENOBUFS") > 0);
    assert.equal(receiver.stats.mode, "batched");
  });

  test("[G25] an error queue that cannot be read is turned off again", async () => {
    for (const error of [ENOSYS, EPERM, EINVAL]) {
      const options: number[] = [];
      const native = faulty(real, {
        takeError: () => -error,
        setOption(descriptor, level, option, value) {
          if (option === SOCKET.ipRecvErr) options.push(value);
          return real.setOption(descriptor, level, option, value);
        },
      });
      await using world = await worldOf(native, 2);
      await using gone = await opener({})();
      world.group.add(world.sender.remote(gone.host, gone.port));
      await gone[Symbol.asyncDispose]();
      assert.deepEqual(options, [1]);
      world.group.send(datagramOf(9, 9));
      for (const each of world.arrivals) await each.reach(1);
      assert.deepEqual(options, [1, 0]);
      await checkAllArrive(world);
      assert.deepEqual(options, [1, 0]);
    }
  });

  test("[G25] nothing stays in the error queue, whichever call noticed it first", async () => {
    let descriptor = -1;
    const sendmmsg: Send = (at, headers, count) => {
      descriptor = at;
      return real.sendmmsg(at, headers, count);
    };
    await using world = await worldOf(faulty(real, { sendmmsg }), 4);
    const gone = await opener({})();
    await gone[Symbol.asyncDispose]();
    const dead = world.sender.remote(gone.host, gone.port);
    let refused = 0;
    world.group.delete(world.remotes[1] as Remote);
    world.group.add(dead, () => refused++);
    world.group.add(world.remotes[1] as Remote);
    for (let round = 1; round <= 20; round++) {
      for (let at = 0; at < round % 4; at++) world.group.send(datagramOf(100, at));
      world.sender.send(datagramOf(100, round), dead);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      assert.equal(real.takeError(descriptor, real.memory.report.address), -EAGAIN);
    }
    assert(refused > 0);
  });

  test("[G25] a system that reports nothing is not a failure", async () => {
    await using world = await worldOf(faulty(real, { setOption: () => -92 }), 3);
    await checkAllArrive(world);
    assert.deepEqual(world.sender.counts.toJSON(), {});
  });
}
