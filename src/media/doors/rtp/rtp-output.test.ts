import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { MeanderError, SILENT, SystemClock } from "../../../base/index.ts";
import type { DatagramSocket } from "../../../transport/index.ts";
import {
  decodeRtcp,
  encodePacket,
  encodeRtcp,
  KIND,
  type RtcpPacket,
} from "../../../wire/index.ts";
import { openSocket } from "../../media.test.support.ts";
import type { OpenSocket } from "../../open-socket.ts";
import type { RtpOutput } from "./rtp-output.ts";
import { RtpOutputs } from "./rtp-outputs.ts";

const HOST = "127.0.0.1";
const AUDIO = 1;
const VIDEO = 2;
const REPORT: RtcpPacket = {
  type: "sender-report",
  ssrc: 77,
  ntpSeconds: 1,
  ntpFraction: 2,
  rtpTimestamp: 3,
  packetCount: 4,
  octetCount: 5,
  reports: [],
};

function packet(medium: number, payload: Uint8Array, kind: number = KIND.rtp): Uint8Array {
  const identity = { channel: 1, source: 2, sourceGeneration: 0, sequence: 3 };
  return encodePacket({ kind, flags: 0, medium, ...identity }, payload);
}

/** A receiver outside: what arrives at its RTP port and the next one, in order. */
interface Receiver {
  readonly port: number;
  readonly rtp: Uint8Array[];
  readonly rtcp: Uint8Array[];
  /** Ports that it was sent from. */
  readonly senders: Set<number>;
}

async function receiver(context: TestContext, host = HOST): Promise<Receiver> {
  for (;;) {
    const rtp = await listening(0, host);
    const { port } = rtp.address();
    const rtcp = await listening(port + 1, host).catch(() => undefined);
    if (rtcp === undefined) {
      rtp.close();
      continue;
    }
    const result: Receiver = { port, rtp: [], rtcp: [], senders: new Set() };
    for (const [socket, list] of [
      [rtp, result.rtp],
      [rtcp, result.rtcp],
    ] as const) {
      context.after(() => socket.close());
      socket.on("message", (bytes, from) => {
        list.push(new Uint8Array(bytes));
        result.senders.add(from.port);
      });
    }
    return result;
  }
}

async function listening(port: number, host: string): Promise<Socket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(port, host);
  await once(socket, "listening");
  return socket;
}

/** Outputs on real sockets, and those sockets. */
function testOutputs(context: TestContext) {
  const sockets: DatagramSocket[] = [];
  const opening: OpenSocket = async (where) => {
    const socket = await openSocket(where);
    sockets.push(socket);
    return socket;
  };
  const outputs = new RtpOutputs({ openSocket: opening, clock: new SystemClock(), log: SILENT });
  context.after(() => outputs[Symbol.asyncDispose]());
  const open = (port: number, channel = "talk", host = HOST): Promise<RtpOutput> =>
    outputs.open({ channel, host, tracks: [{ medium: VIDEO, port }] });
  return { outputs, open, sockets };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test("a receiver gets the RTP of its medium without Meander's header, the sender reports, and a goodbye", async (context) => {
  const { open } = testOutputs(context);
  const there = await receiver(context);
  const output = await open(there.port);
  const rtp = Uint8Array.of(0x80, 96, 0, 1);
  output.packet(packet(AUDIO, Uint8Array.of(9)));
  output.packet(packet(VIDEO, Uint8Array.of(9), KIND.data));
  output.packet(packet(VIDEO, rtp));
  const rtcp = encodeRtcp([REPORT]);
  const source = { source: 2, generation: 0, medium: VIDEO, ingestMs: 0, rtpTimestamp: 0 };
  output.report({ ...source, rtcp: new Uint8Array(0) });
  output.report({ ...source, rtcp });
  output.close("over");
  output.close("over");
  output.packet(packet(VIDEO, rtp));
  await until(() => there.rtp.length > 0 && there.rtcp.length === 2);
  assert.deepEqual(there.rtp, [rtp]);
  assert.deepEqual(there.rtcp[0], rtcp);
  const goodbye = [REPORT, { type: "bye", ssrcs: [77], reason: "over" }];
  assert.deepEqual(decodeRtcp(there.rtcp[1] as Uint8Array), goodbye);
  assert.equal(there.senders.size, 1);
});

test("outputs of a channel are served by one call, each with its media, from entering to leaving", async (context) => {
  const { outputs, open, sockets } = testOutputs(context);
  const [one, two] = [await receiver(context), await receiver(context)];
  const sound = await receiver(context);
  const first = await open(one.port);
  const tracks = [
    { medium: VIDEO, port: two.port },
    { medium: AUDIO, port: sound.port },
  ];
  const second = await outputs.open({ channel: "talk", host: HOST, tracks });
  const elsewhere = await open(one.port, "other");
  assert.equal(sockets.length, 1);
  assert.equal(first.member.bundle, second.member.bundle);
  assert.notEqual(first.member.bundle, elsewhere.member.bundle);

  const { bundle } = first.member;
  const send = (medium: number, mark: number): number =>
    bundle.send(packet(medium, Uint8Array.of(mark)));
  assert.equal(send(VIDEO, 1), 0);
  first.member.enter();
  first.member.enter();
  assert.equal(send(VIDEO, 2), 1);
  second.member.enter();
  assert.equal(send(VIDEO, 3), 2);
  assert.equal(send(AUDIO, 4), 1);
  assert.equal(bundle.send(packet(VIDEO, Uint8Array.of(5), KIND.data)), 0);
  first.member.leave();
  assert.equal(send(VIDEO, 6), 1);
  first.member.enter();
  assert.equal(send(VIDEO, 7), 2);
  second.close("over");
  assert.equal(send(VIDEO, 8), 1);

  assert.equal(first.member.packets, 4);
  assert.equal(first.member.bytes, 4 * 21);
  assert.equal(second.member.packets, 4);
  const marks = ({ rtp }: Receiver): number[] => rtp.map(([mark]) => mark as number);
  await until(() => one.rtp.length >= 4 && two.rtp.length >= 3 && sound.rtp.length >= 1);
  assert.deepEqual(marks(one), [2, 3, 7, 8]);
  assert.deepEqual(marks(two), [3, 6, 7]);
  assert.deepEqual(marks(sound), [4]);
});

test("IPv6 receivers have a socket of their own", async (context) => {
  const probe = await listening(0, "::1").catch(() => undefined);
  if (probe === undefined) {
    context.skip("needs IPv6 on the loopback interface");
    return;
  }
  probe.close();
  const { open, sockets } = testOutputs(context);
  const there = await receiver(context, "::1");
  const output = await open(there.port, "talk", "::1");
  await open(there.port);
  assert.deepEqual(
    sockets.map(({ family }) => family),
    [6, 4],
  );
  output.member.enter();
  output.member.bundle.send(packet(VIDEO, Uint8Array.of(1)));
  await until(() => there.rtp.length === 1);
});

test("datagrams that are not sent are counted at the output that misses them", async (context) => {
  const { open, sockets } = testOutputs(context);
  const there = await receiver(context);
  const [output, other] = [await open(there.port), await open(there.port)];
  // Larger than a datagram may be.
  const large = packet(VIDEO, new Uint8Array(65_508));
  output.packet(large);
  output.member.enter();
  output.member.bundle.send(large);
  sockets[0]?.flush();
  await until(() => output.drops.get("send-failed") >= 1);
  assert.equal(other.drops.total, 0);
});

test("an impossible port and an unknown host are errors that say so", async (context) => {
  const { open, sockets } = testOutputs(context);
  const isInvalid = (error: unknown): boolean => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "output-invalid");
    assert.match(error.message, /RTP port from 1 to 65534/);
    return true;
  };
  await assert.rejects(open(65_535), isInvalid);
  await assert.rejects(open(0), isInvalid);
  await assert.rejects(open(5_000, "talk", "no-such-host.invalid"), isInvalid);
  assert.equal(sockets.length, 0);
});

test("an output whose socket cannot be opened fails, and the next one tries again", async (context) => {
  let attempts = 0;
  const outputs = new RtpOutputs({
    openSocket: async (where) => {
      if (++attempts === 1) throw new MeanderError("bind-failed", "no more descriptors");
      return openSocket(where);
    },
    clock: new SystemClock(),
    log: SILENT,
  });
  context.after(() => outputs[Symbol.asyncDispose]());
  const there = await receiver(context);
  const tracks = [{ medium: VIDEO, port: there.port }];
  await assert.rejects(outputs.open({ channel: "talk", host: HOST, tracks }), /descriptors/);
  const output = await outputs.open({ channel: "talk", host: HOST, tracks });
  output.packet(packet(VIDEO, Uint8Array.of(1)));
  await until(() => there.rtp.length === 1);
});

/** A socket on this machine that receives from a group. */
async function groupReceiver(context: TestContext, group: string): Promise<Receiver> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.bind(0, group);
  await once(socket, "listening");
  socket.addMembership(group, HOST);
  context.after(() => socket.close());
  const { port } = socket.address();
  const result: Receiver = { port, rtp: [], rtcp: [], senders: new Set() };
  socket.on("message", (bytes, from) => {
    result.rtp.push(new Uint8Array(bytes));
    result.senders.add(from.port);
  });
  return result;
}

test("[G31] outputs to groups with the same settings share a socket, and none stays open", async (context) => {
  const { outputs, sockets } = testOutputs(context);
  const there = await groupReceiver(context, "239.255.77.9");
  const open = (multicast: { ttl?: number; interface?: string }) =>
    outputs.open({
      channel: "talk",
      host: "239.255.77.9",
      tracks: [{ medium: VIDEO, port: there.port }],
      multicast,
    });
  const first = await open({ interface: HOST });
  const second = await open({ interface: HOST, ttl: 1 });
  const far = await open({ interface: HOST, ttl: 9 });
  assert.equal(sockets.length, 2);
  for (const output of [first, second, far]) output.packet(packet(VIDEO, Uint8Array.of(1)));
  await until(() => there.rtp.length === 3);
  assert.equal(there.senders.size, 2);
  for (const output of [first, second, far]) output.close("done");
  const again = await open({ interface: HOST });
  assert.equal(sockets.length, 3);
  again.close("done");
});

test("impossible outputs to groups are refused", async (context) => {
  const { outputs, sockets } = testOutputs(context);
  const codeOf = async (host: string, multicast: { ttl?: number; interface?: string }) => {
    const opening = outputs.open({
      channel: "a",
      host,
      multicast,
      tracks: [{ medium: 2, port: 9 }],
    });
    return await opening.then(
      () => "none",
      (error: MeanderError) => error.code,
    );
  };
  assert.equal(await codeOf("239.1.2.3", { interface: "no-such-0" }), "interface-unknown");
  assert.equal(await codeOf("239.1.2.3", { ttl: 300 }), "multicast-refused");
  assert.equal(await codeOf(HOST, { ttl: 3 }), "output-invalid");
  // None stays open.
  for (const socket of sockets)
    assert.equal(socket.send(Uint8Array.of(1), socket.remote(HOST, 9)), false);
});
