import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import { FLAG, KIND, MEDIUM, payloadOf } from "../../wire/index.ts";
import { openDataIngest } from "../doors/data/open-data-ingest.ts";
import type { OpenIngest } from "../doors/ingest-door.ts";
import { ingestPorts, RtpSource, SENDER, testInputs, VIDEO } from "../media.test.support.ts";

const SPS = Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0x95);
const SLICE = Uint8Array.of(0x41, 0x9a, 3);

/** Opens a channel for messages. */
function openMessages({ clock, inputs }: ReturnType<typeof testInputs>): Promise<OpenIngest> {
  const options = { door: "data", channel: "talk", input: "text" } as const;
  return openDataIngest(options, inputs, ingestPorts(clock));
}

test("a second publisher is refused with a message, unless the channel allows two", () => {
  const { add, inputs } = testInputs();
  add();
  const error = (name: string): MeanderError => {
    try {
      add({ input: name });
    } catch (thrown) {
      if (thrown instanceof MeanderError) return thrown;
    }
    return assert.fail("it was admitted");
  };
  assert.equal(error("other").code, "publisher-exists");
  assert.match(
    error("other").message,
    /input "main" from 127\.0\.0\.1 has been publishing since 20.*replace/,
  );
  inputs.maxPublishers = 2;
  inputs.admit("other");
  assert.match(
    error("main").message,
    /choose another name for the input \(--input\), or take its place/,
  );
});

test("messages have one input, and share the names of the others", async () => {
  const world = testInputs({ maxPublishers: 2 });
  await openMessages(world);
  assert.throws(
    () => world.inputs.admit("more", false),
    /input "text" from HTTP has been publishing since/,
  );
  assert.throws(() => world.add({ input: "text" }), /input "text" from HTTP.*replace/);
  world.add();
  assert.deepEqual(
    world.inputs.snapshot().map(({ kind, name, state }) => [kind, name, state]),
    [
      ["rtp", "main", "connecting"],
      ["data", "text", "active"],
    ],
  );
});

test("only the primary is forwarded; the other is counted", () => {
  const { add, clock, inputs, publisher } = testInputs({ maxPublishers: 2 });
  const main = add();
  const spare = add({ input: "spare" });
  const [a, b] = [new RtpSource(1), new RtpSource(2)];
  for (let count = 0; count < 10; count++) {
    clock.advance(20);
    main.datagram(0, a.next(), SENDER);
    spare.datagram(0, b.next(), SENDER);
  }
  assert.equal(publisher.published.length, 10);
  assert.equal(publisher.sources.length, 1);
  assert.equal(spare.drops.get("standby-input"), 10);
  assert.deepEqual(
    inputs.snapshot().map(({ name, state }) => [name, state]),
    [
      ["main", "active"],
      ["spare", "standby"],
    ],
  );
});

test("a twin takes over after the silence allowed and fills the time in between", () => {
  const { add, clock, events, inputs, publisher } = testInputs({
    maxPublishers: 2,
    silenceMs: 200,
  });
  const main = add();
  const spare = add({ input: "spare" });
  const source = new RtpSource(1);
  for (let count = 0; count < 50; count++) {
    clock.advance(20);
    const packet = source.next();
    if (count < 20) main.datagram(0, packet, SENDER);
    spare.datagram(0, packet, SENDER);
  }
  assert.deepEqual(events, ["none > main", "main > spare"]);
  assert.equal(publisher.sources.length, 1);
  const all = Array.from({ length: 50 }, (_, index) => 100 + index);
  assert.deepEqual([...new Set(publisher.sequences)].sort(), all);
  assert.equal(inputs.snapshot()[0]?.state, "down");
});

test("another capture takes over with its newest key frame", () => {
  const { add, clock, publisher } = testInputs({ maxPublishers: 2, silenceMs: 100 });
  const tracks = [VIDEO];
  const main = add({ tracks });
  const spare = add({ input: "spare", sourceName: "field", tracks });
  const a = new RtpSource(1, { payloadType: 96 });
  const b = new RtpSource(2, { payloadType: 96, sequence: 500 });
  main.datagram(0, a.next(SPS), SENDER);
  for (let count = 0; count < 12; count++) {
    clock.advance(20);
    spare.datagram(0, b.next(count === 2 ? SPS : SLICE, true), SENDER);
  }
  assert.equal(publisher.sources.length, 2);
  const fromSpare = publisher.headers.filter(({ source }) => source === publisher.sources[1]);
  assert.equal(fromSpare[0]?.sequence, 502);
  assert.equal(fromSpare.length, 10);
  assert.equal((fromSpare[0]?.flags ?? 0) & 9, FLAG.begin | FLAG.keyframe);
  assert.equal(publisher.descriptions.at(-1)?.[0]?.source, publisher.sources[1]);
});

test("the preferred input takes over again at a key frame, once it is steady", () => {
  const { add, clock, events } = testInputs({ maxPublishers: 2, silenceMs: 100 });
  const tracks = [VIDEO];
  const main = add({ tracks });
  const spare = add({ input: "spare", sourceName: "field", tracks });
  const a = new RtpSource(1, { payloadType: 96 });
  const b = new RtpSource(2, { payloadType: 96 });
  spare.datagram(0, b.next(SPS), SENDER);
  const step = (payload: Uint8Array): void => {
    clock.advance(20);
    spare.datagram(0, b.next(SLICE), SENDER);
    main.datagram(0, a.next(payload), SENDER);
  };
  step(SPS);
  for (let count = 0; count < 20; count++) step(SLICE);
  assert.deepEqual(events, ["none > spare"]);
  step(SPS);
  assert.deepEqual(events, ["none > spare", "spare > main"]);
});

test("when the primary is removed another takes over at once, and a source that a twin carries does not end", () => {
  const { add, clock, events, inputs, publisher } = testInputs({ maxPublishers: 2 });
  const main = add();
  const spare = add({ input: "spare" });
  const source = new RtpSource(1);
  const first = source.next();
  main.datagram(0, first, SENDER);
  spare.datagram(0, first, SENDER);
  assert.equal(inputs.remove("main", "stopped"), true);
  assert.deepEqual(publisher.byes, []);
  clock.advance(20);
  spare.datagram(0, source.next(), SENDER);
  assert.deepEqual(events, ["none > main", "main > spare"]);
  assert.equal(publisher.sequences.at(-1), 101);
  assert.equal(inputs.remove("main", "again"), false);
});

test("the same SSRC published again on a new input does not reuse identities", () => {
  const { add, clock, inputs, publisher } = testInputs();
  add().datagram(0, new RtpSource(1).next(), SENDER);
  inputs.remove("main", "stopped");
  clock.advance(1_000);
  const again = new RtpSource(1, { sequence: 20_000 });
  add().datagram(0, again.next(), SENDER);
  assert.deepEqual(publisher.generations, [0, 1]);
});

test("messages get a track beside the media, consecutive numbers, and the flags of a key frame", async () => {
  const world = testInputs();
  const { add, clock, publisher } = world;
  const messages = await openMessages(world);
  add().datagram(0, new RtpSource(1).next(), SENDER);
  const text = new TextEncoder().encode("quotes");
  messages.publishMessage?.("Text/HTML; charset=utf-8", text);
  messages.publishMessage?.("text/html", text);
  const [, first, second] = publisher.headers;
  assert.equal(first?.kind, KIND.data);
  assert.equal(first?.medium, MEDIUM.text);
  assert.equal(first?.flags, FLAG.begin | FLAG.end | FLAG.keyframe);
  assert.equal(second?.sequence, ((first?.sequence ?? 0) + 1) >>> 0);
  assert.deepEqual(payloadOf(publisher.published[1] as Uint8Array), text);
  assert.deepEqual(
    publisher.descriptions.at(-1)?.map(({ codec, medium }) => [codec, medium]),
    [
      ["opus", 1],
      ["text/html", 3],
    ],
  );
  const count = publisher.descriptions.length;
  clock.advance(1_000);
  assert.ok(publisher.descriptions.length > count);
});

test("a message over 60000 bytes is refused, and a wrong content type too", async () => {
  const world = testInputs();
  const { publisher } = world;
  const messages = await openMessages(world);
  const code = (expected: string) => (error: unknown) => {
    return error instanceof MeanderError && error.code === expected;
  };
  messages.publishMessage?.("text/plain", new Uint8Array(60_000));
  const large = (): void => messages.publishMessage?.("text/plain", new Uint8Array(60_001));
  assert.throws(large, code("message-too-large"));
  assert.throws(
    () => messages.publishMessage?.("plain", new Uint8Array(1)),
    code("content-type-invalid"),
  );
  assert.equal(publisher.published.length, 1);
});

test("the channel is open for publishing from the first input to the last, and no timer remains", async () => {
  const world = testInputs({ maxPublishers: 2 });
  const { add, clock, inputs, publisher } = world;
  assert.equal(inputs.isEmpty, true);
  const messages = await openMessages(world);
  add();
  add({ input: "spare" });
  messages.publishMessage?.("text/plain", new Uint8Array(1));
  inputs.remove("main", "stopped");
  assert.equal(publisher.isClosed, false);
  inputs.close("end");
  assert.equal(publisher.isClosed, true);
  assert.equal(inputs.isEmpty, true);
  assert.deepEqual(clock.pending, []);
});
