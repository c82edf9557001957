import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SeededRandom, VirtualClock } from "../base/index.ts";
import type { Connection, ConnectionEnd } from "../stack/index.ts";
import { ChannelClient } from "./channel-client.ts";
import type { ClientState } from "./client-types.ts";

/** A connection that the site closes at once, with this reason. */
function ended(end: ConnectionEnd): Connection {
  return {
    ...{ stack: "websocket", peer: "127.0.0.1:7000", reliable: true, coalesces: true },
    ...{ maxBytes: 65_535, malformed: 0, closed: Promise.resolve(end) },
    send: () => true,
    onPackets() {},
    backlog: () => ({ bytes: 0, oldestMs: 0 }),
    close() {},
  };
}

test("[A20] a page that no site allows is told so, and retries with increasing delays", async () => {
  const clock = new VirtualClock();
  const states: ClientState[] = [];
  const refusal = new MeanderError("origin-refused", "the site does not allow pages from null");
  let dialled = 0;
  const client = new ChannelClient(
    {
      ...{ channel: "clip", sites: ["ws://a/link", "ws://b/link"], name: "player", clock },
      random: new SeededRandom(1),
      dial: async () => {
        dialled++;
        return ended(refusal);
      },
    },
    {
      ...{ onPacket() {}, onDescription() {}, onReport() {}, onGap() {}, onPath() {} },
      onState: (state) => states.push(state),
    },
  );
  client.start();
  for (let passed = 0; passed < 10_000; passed += 20) {
    clock.advance(20);
    await new Promise(setImmediate);
  }
  client.close();
  const { code, message } = refusal;
  assert.deepEqual(states.slice(0, 4), [
    { type: "connecting", url: "ws://a/link" },
    { type: "refused", code, message },
    { type: "connecting", url: "ws://b/link" },
    { type: "refused", code, message },
  ]);
  assert.ok(dialled > 4 && dialled < 20, `${dialled} attempts`);
});
