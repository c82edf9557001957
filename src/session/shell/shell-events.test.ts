import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError } from "../../base/index.ts";

import { ATTACHMENTS, quiet, take } from "./attached-shells.test.support.ts";

for (const [way, open] of Object.entries(ATTACHMENTS)) {
  test(`${way}: events are told from the call on, in order, and only those asked for [S2]`, async () => {
    const { fake, shell } = await open();
    const all = shell.events();
    const some = shell.events({ stream: "bar", types: ["moved", "output"] });
    await shell.createStream("foo");
    await shell.createStream("bar");
    await shell.move("bar", "south");
    fake.emit({ type: "output", stream: "bar", agent: "a", line: "Hello" });
    assert.deepEqual(
      (await take(all, 4)).map(({ type, stream }) => [type, stream]),
      [
        ["created", "foo"],
        ["created", "bar"],
        ["moved", "bar"],
        ["output", "bar"],
      ],
    );
    const [moved, output] = await take(some, 2);
    assert.ok(moved?.type === "moved" && moved.to === "south" && moved.streamEpoch === 1);
    assert.ok(output?.type === "output" && output.line === "Hello" && output.site === "north");
    await shell.close();
    assert.deepEqual(await some.next(), { done: true, value: undefined });
  });

  test(`${way}: leaving the loop ends the listening [S2]`, async () => {
    const { fake, shell } = await open();
    const events = shell.events({ stream: "foo" });
    await shell.createStream("foo");
    for await (const event of events) {
      assert.equal(event.type, "created");
      break;
    }
    await quiet();
    assert.equal(fake.listenerCount, 0);
    const controller = new AbortController();
    const aborted = shell.events({}, { signal: controller.signal }).next();
    controller.abort();
    assert.deepEqual(await aborted, { done: true, value: undefined });
    await quiet();
    assert.equal(fake.listenerCount, 0);
  });

  test(`${way}: a reader too slow for all events misses the oldest, and is told how many [S2]`, async () => {
    const { fake, shell } = await open();
    const events = shell.events();
    await shell.createStream("foo");
    await quiet();
    const extra = 25;
    for (let n = 0; n < LIMITS.shellEventsMax + extra; n++) {
      fake.emit({ type: "output", stream: "foo", agent: "a", line: `${n}` });
      if (n % 1_000 === 0) await quiet();
    }
    await quiet();
    const [missed, ...rest] = await take(events, LIMITS.shellEventsMax + 1);
    assert.ok(missed?.type === "missed" && missed.count === extra + 1, JSON.stringify(missed));
    const lines = rest.map((event) => (event.type === "output" ? Number(event.line) : -1));
    assert.deepEqual(
      lines,
      Array.from({ length: LIMITS.shellEventsMax }, (_, index) => index + extra),
    );
  });

  test(`${way}: it sleeps and tells the time of its site`, async () => {
    const { shell, clock } = await open();
    let awake = false;
    const sleeping = shell.sleep(500).then(() => {
      awake = true;
    });
    await quiet();
    clock.advance(499);
    await quiet();
    assert.equal(awake, false);
    clock.advance(1);
    await sleeping;
    assert.equal(shell.now(), clock.wall());
  });

  test(`${way}: a closed shell refuses calls, and says that it was closed [S1]`, async () => {
    const { shell } = await open();
    await shell[Symbol.asyncDispose]();
    await shell.close();
    assert.equal(await shell.closed, undefined);
    await assert.rejects(shell.streams(), { code: "shell-closed" });
    await assert.rejects(shell.append("foo", 1), { code: "shell-closed" });
    assert.throws(() => shell.events(), { code: "shell-closed" });
  });

  test(`${way}: when its port ends by itself, readers of events hear why after the last event [S2]`, async () => {
    const { fake, shell } = await open();
    const events = shell.events();
    await shell.createStream("foo");
    await quiet();
    fake.fail(new MeanderError("site-stopped", "the site is stopping"));
    const end = await shell.closed;
    assert.match(String(end?.message), /the site is stopping/);
    assert.equal((await take(events, 1))[0]?.type, "created");
    await assert.rejects(events.next(), end);
    assert.deepEqual(await events.next(), { done: true, value: undefined });
  });
}
