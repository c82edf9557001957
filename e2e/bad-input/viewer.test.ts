import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeControl, KIND, kindOf, payloadOf, splitPackets } from "../../src/wire/index.ts";
import { controlPacket, openWebSocket, viewerHello } from "../support/hostile.ts";
import { Viewer } from "../support/viewer.ts";
import { until } from "../support/wait.ts";
import { WitnessedNetwork } from "../support/witnessed-network.ts";

const witnessed = WitnessedNetwork.use();

test("a viewer that never reads is skipped, then disconnected, and the others notice nothing", async (t) => {
  const { source } = await witnessed.publish("heavy");
  using viewer = await Viewer.open(witnessed.solo.url, "heavy");
  await until("packets", () => viewer.received.length > 50);
  const { socket, closed } = await openWebSocket(witnessed.solo);
  socket.send(viewerHello("lazy"));
  socket.send(
    controlPacket({ type: "subscribe", request: 1, channel: "heavy", forward: true, resume: [] }),
  );
  await new Promise((resolve) => void socket.once("message", resolve));
  socket.pause();
  // It sends heartbeats, and reads nothing.
  const beats = setInterval(() => {
    socket.send(controlPacket({ type: "heartbeat", sentAt: 1, echo: Number.NaN, heldMs: 0 }));
  }, 500);
  const started = performance.now();
  const lazy = async () => {
    const subscribers = (await witnessed.channel("heavy"))?.subscribers ?? [];
    return subscribers.find(({ name }) => name === "lazy");
  };
  try {
    const skipping = await until("it is skipped", async () => {
      const subscriber = await lazy();
      return subscriber?.state === "skipping" ? subscriber : undefined;
    });
    t.diagnostic(
      `skipped after ${Math.round(performance.now() - started)} ms: ${JSON.stringify(skipping.drops)}`,
    );
    assert.equal(skipping.drops["skips"], 1);
    await until("it is disconnected", async () => (await lazy()) === undefined);
    const after = performance.now() - started;
    t.diagnostic(`disconnected after ${Math.round(after)} ms`);
    assert.ok(after > 8_000 && after < 13_000, `${after} ms`);
    // When it reads at last, it reads the reason.
    const reasons: string[] = [];
    socket.on("message", (message) => {
      for (const packet of splitPackets(new Uint8Array(message as Buffer))) {
        const said = kindOf(packet) === KIND.control ? decodeControl(payloadOf(packet)) : "";
        if (typeof said !== "string" && said.type === "close") reasons.push(said.message);
      }
    });
    socket.resume();
    await closed;
    assert.match(reasons.join(), /nothing was acknowledged for 10 s/);
  } finally {
    clearInterval(beats);
    socket.terminate();
  }
  await source.stop();
  assert.deepEqual(viewer.account(), { packets: viewer.received.length, missing: 0, repeated: 0 });
});

witnessed.testMemory();
