/** Links by groups on this machine's own interface. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { LIMITS, SeededRandom, SILENT, SystemClock } from "../base/index.ts";
import { encodePacket, KIND, MEDIUM, splitPackets } from "../wire/index.ts";
import { type GroupLinkOptions, GroupListener, GroupSender } from "./group-link.ts";
import { nodeCipher } from "./node-cipher.ts";

const LOOPBACK = Object.entries(networkInterfaces()).find(([, infos]) =>
  infos?.some(({ internal, family }) => internal && family === "IPv4"),
)?.[0];
const skip = LOOPBACK === undefined && "no loopback interface";
const GROUP = "239.255.79.1";

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function linkOptions(secret = "the key"): Promise<GroupLinkOptions> {
  return {
    group: GROUP,
    port: await freePort(),
    interface: LOOPBACK as string,
    cipher: nodeCipher,
    secret: new TextEncoder().encode(secret),
    runtime: {},
    clock: new SystemClock(),
    log: SILENT,
  };
}

function packetOf(sequence: number, byteLength: number): Uint8Array {
  const header = { kind: KIND.rtp, flags: 0, channel: 5, source: 9, sourceGeneration: 1 };
  const payload = new Uint8Array(byteLength).fill(sequence);
  return encodePacket({ ...header, medium: MEDIUM.video, sequence }, payload);
}

/** A sender and a listener of what it sends. */
async function open(isSealed: boolean, unitsMax?: number) {
  const options = await linkOptions();
  const random = new SeededRandom(Date.now());
  const sender = await GroupSender.open({ ...options, ttl: 1, isSealed, random, unitsMax });
  const packets: Uint8Array[] = [];
  const drops: string[] = [];
  let changed = (): void => {};
  const listener = await GroupListener.open(
    { ...options, from: sender.from, salt: sender.salt },
    {
      onPackets: (bytes) => {
        packets.push(...splitPackets(bytes));
        changed();
      },
      onDrop: (reason) => {
        drops.push(reason);
        changed();
      },
    },
  );
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  const stop = async (): Promise<void> => {
    await sender[Symbol.asyncDispose]();
    await listener[Symbol.asyncDispose]();
  };
  return { options, sender, packets, drops, until, stop };
}

for (const isSealed of [true, false]) {
  test(`[W29] packets of every size pass a group, ${isSealed ? "sealed" : "plain"}`, {
    skip,
  }, async () => {
    const { packets, drops, sender, until, stop } = await open(isSealed);
    const sizes = [0, 1, 1_200, LIMITS.linkDatagramBytes, 4_000, 60_000];
    const sent = sizes.map((size, index) => packetOf(index, size));
    for (const packet of sent) assert.ok(sender.send(packet));
    await until(() => packets.length === sent.length);
    assert.deepEqual(packets, sent);
    assert.deepEqual(drops, []);
    await stop();
  });
}

test("[W29] what others send to a sealed group is refused: plain, under other keys, again", {
  skip,
}, async () => {
  const { drops, options, packets, sender, until, stop } = await open(true);
  const other = createSocket({ type: "udp4", reuseAddr: true }).bind(options.port, GROUP);
  await once(other, "listening");
  other.addMembership(GROUP, "127.0.0.1");
  other.setMulticastInterface("127.0.0.1");
  const heard = once(other, "message");
  sender.send(packetOf(1, 100));
  const [unit] = (await heard) as [Buffer];
  await until(() => packets.length === 1);
  const forged = Buffer.from(unit);
  forged[forged.byteLength - 1] = (forged.at(-1) as number) ^ 1;
  // A number that was not used yet, so that the tag decides.
  forged[25] = 200;
  const stranger = await GroupSender.open({
    ...{ ...options, secret: new TextEncoder().encode("another key") },
    ...{ ttl: 1, isSealed: true, random: new SeededRandom(4) },
  });
  for (const bytes of [unit, forged, packetOf(2, 100), Buffer.from("nonsense")]) {
    other.send(bytes, options.port, GROUP);
  }
  stranger.send(packetOf(3, 100));
  await until(() => drops.length >= 5);
  assert.deepEqual(drops.toSorted(), ["forged", "malformed", "old-salt", "plain", "replayed"]);
  assert.equal(packets.length, 1);
  other.close();
  await stranger[Symbol.asyncDispose]();
  await stop();
});

test("[W29] where nothing is sealed, packets are accepted from the announced address and port only", {
  skip,
}, async () => {
  const { drops, options, packets, until, sender, stop } = await open(false);
  const other = createSocket("udp4").bind(0, "127.0.0.1");
  await once(other, "listening");
  other.setMulticastInterface("127.0.0.1");
  other.send(packetOf(1, 50), options.port, GROUP);
  await until(() => drops.length === 1);
  assert.deepEqual(drops, ["untrusted-source"]);
  sender.send(packetOf(2, 50));
  await until(() => packets.length === 1);
  other.close();
  await stop();
});

test("[W29] a sender whose keys are used up refuses packets and says so", { skip }, async () => {
  const { sender, stop } = await open(true, 2);
  assert.ok(sender.send(packetOf(1, 10)));
  assert.equal(sender.isSpent, false);
  assert.ok(sender.send(packetOf(2, 10)));
  assert.equal(sender.isSpent, true);
  assert.equal(sender.send(packetOf(3, 10)), false);
  await stop();
});

test("[W29] an invalid group, and an unknown interface, are refused with readable errors", {
  skip,
}, async () => {
  const options = {
    ...(await linkOptions()),
    ttl: 1,
    isSealed: false,
    random: new SeededRandom(1),
  };
  await assert.rejects(GroupSender.open({ ...options, group: "10.0.0.1" }), {
    code: "multicast-refused",
  });
  await assert.rejects(GroupSender.open({ ...options, interface: "none7" }), {
    code: "interface-unknown",
  });
});
