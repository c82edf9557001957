import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogFields, logOver, SeededRandom, VirtualClock } from "../../base/index.ts";
import { Peer, type PeerIdentity, type Refusal } from "../../channel/index.ts";
import type { Connection } from "../../stack/index.ts";
import { memoryPair } from "../../transport/index.ts";
import { Links } from "./links.ts";

const identity = (name: string): PeerIdentity => {
  return { role: "site", name, instance: name.length, token: "", heartbeatMs: 50 };
};
const ignored = {
  onOpen() {},
  onPacket() {},
  onControl() {},
  onSuspected() {},
  onTrusted() {},
  onClosed() {},
  onLink() {},
};

/** The links of `south`, whose neighbour `north` answers each hello with `refusal`; and what was logged. */
function refusedBy(refusal: () => Refusal | undefined) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const lines: { severity: string; message: string; fields: LogFields }[] = [];
  const log = logOver((severity, message, fields) => lines.push({ severity, message, fields }));
  const others: Peer[] = [];
  const dial = async (): Promise<Connection> => {
    const [here, there] = memoryPair();
    const events = { ...ignored, admit: refusal };
    others.push(new Peer(there, identity("north"), false, { clock, random }, events));
    return here;
  };
  const links = new Links({
    ...{ clock, random, log, dial, ...ignored },
    identity: () => identity("south"),
    admit: () => undefined,
  });
  links.setNeighbours([
    { name: "north", http: { host: "127.0.0.1", port: 1 }, udp: { host: "127.0.0.1", port: 1 } },
  ]);
  links.need([{ name: "north", stack: "memory" }]);
  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(20);
      links.tick(true);
      for (const other of others) other.tick();
      await new Promise(setImmediate);
    }
  };
  return { run, warnings: () => lines.filter(({ severity }) => severity === "warn"), lines };
}

test("a neighbour that is still starting is not warned about at once", async () => {
  const starting = { code: "site-starting", message: "the site has not joined yet" };
  const { run, warnings, lines } = refusedBy(() => starting);
  await run(5_000);
  assert.deepEqual(warnings(), []);
  assert.ok(lines.some(({ message }) => message === "A neighbour refused a link."));
  await run(20_000);
  assert.deepEqual(warnings(), [
    {
      severity: "warn",
      message: "A neighbour refused a link.",
      fields: {
        peer: "north",
        stack: "memory",
        code: "site-starting",
        reason: "the site has not joined yet",
      },
    },
  ]);
});

test("a permanent refusal is warned about at once, and only once", async () => {
  const { run, warnings } = refusedBy(() => ({ code: "forged", message: "not a member" }));
  await run(500);
  assert.equal(warnings().length, 1);
  await run(20_000);
  assert.equal(warnings().length, 1);
});
