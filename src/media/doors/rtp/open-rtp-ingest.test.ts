import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { MeanderError } from "../../../base/index.ts";
import { decodeRtcp, encodeRtcp } from "../../../wire/index.ts";
import {
  AUDIO,
  ingestPorts,
  inputOptions,
  RtpSource,
  TRUSTED,
  testInputs,
  VIDEO,
} from "../../media.test.support.ts";
import { openRtpIngest } from "./open-rtp-ingest.ts";

async function socketOn(port = 0): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(port, TRUSTED);
  await once(socket, "listening");
  return socket;
}

/** Waits until `isTrue`, checking after each turn of the event loop. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test("each track gets an even port and the next one, and receives RTP and RTCP on them", async () => {
  const { clock, inputs, publisher } = testInputs();
  const options = inputOptions({ tracks: [VIDEO, AUDIO] });
  const open = await openRtpIngest(options, inputs, ingestPorts(clock));
  const { tracks } = open.ports;
  assert.deepEqual(
    tracks.map(({ medium }) => medium),
    [2, 1],
  );
  for (const { rtcpPort, rtpPort } of tracks) {
    assert.equal(rtpPort % 2, 0);
    assert.equal(rtcpPort, rtpPort + 1);
  }
  const sender = await socketOn();
  const source = new RtpSource(5);
  sender.send(source.next(), tracks[1]?.rtpPort as number, TRUSTED);
  await until(() => publisher.published.length === 1);

  const bye = encodeRtcp([
    { type: "receiver-report", ssrc: 5, reports: [] },
    { type: "bye", ssrcs: [5], reason: "" },
  ]);
  sender.send(bye, tracks[1]?.rtcpPort as number, TRUSTED);
  await until(() => publisher.byes.length === 1);

  clock.advance(300);
  sender.send(source.next(), tracks[1]?.rtpPort as number, TRUSTED);
  await until(() => publisher.published.length === 2);
  sender.send(bye, tracks[1]?.rtpPort as number, TRUSTED);
  await until(() => publisher.byes.length === 2);
  sender.close();
  await open.close();
});

test("a sender of RTCP gets a receiver report every five seconds, from the socket that it sent to", async () => {
  const { clock, inputs, publisher } = testInputs();
  const open = await openRtpIngest(inputOptions(), inputs, ingestPorts(clock));
  const port = open.ports.tracks[0]?.rtcpPort as number;
  const sender = await socketOn();
  sender.send(new RtpSource(5).next(), port - 1, TRUSTED);
  await until(() => publisher.published.length === 1);
  const name = encodeRtcp([{ type: "source-description", ssrc: 5, cname: "me" }]);
  sender.send(name, port, TRUSTED);
  // A socket keeps the order: when this was counted, the name is known.
  sender.send(Uint8Array.of(0x80, 200, 0xff, 0xff), port, TRUSTED);
  await until(() => open.ingest.drops.get("malformed-rtcp") === 1);
  const answered = once(sender, "message");
  clock.advance(5_000);
  const [bytes, remote] = await answered;
  assert.equal(remote.port, port);
  const packets = decodeRtcp(bytes);
  assert.ok(Array.isArray(packets));
  assert.equal(packets[0]?.type, "receiver-report");
  sender.close();
  await open.close();
});

test("an error names the port that is in use, and no socket of the input stays open", async () => {
  const { clock, inputs } = testInputs();
  const free = await openRtpIngest(inputOptions(), inputs, ingestPorts(clock));
  const port = free.ports.tracks[0]?.rtpPort as number;
  await free.close();
  const holder = await socketOn(port + 1);
  const options = inputOptions({ tracks: [{ ...AUDIO, port }] });
  await assert.rejects(openRtpIngest(options, inputs, ingestPorts(clock)), (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "port-in-use");
    assert.match(error.message, new RegExp(`127.0.0.1:${port + 1}.*in use; choose another port`));
    return true;
  });
  assert.equal(inputs.isEmpty, true);
  const again = await socketOn(port);
  again.close();
  holder.close();
});

test("impossible tracks are refused before any port is opened", async () => {
  const { clock, inputs } = testInputs();
  const attempt = (changes: Parameters<typeof inputOptions>[0]) => {
    return openRtpIngest(inputOptions(changes), inputs, ingestPorts(clock));
  };
  const code = (expected: string) => (error: unknown) => {
    return error instanceof MeanderError && error.code === expected;
  };
  await assert.rejects(attempt({ tracks: [] }), code("track-unsupported"));
  await assert.rejects(
    attempt({ tracks: [{ ...AUDIO, payloadType: 128 }] }),
    code("track-unsupported"),
  );
  await assert.rejects(
    attempt({ tracks: [{ ...AUDIO, clockRate: 0 }] }),
    code("track-unsupported"),
  );
  await assert.rejects(attempt({ tracks: [{ ...AUDIO, port: 70_000 }] }), code("port-invalid"));
  const close = [
    { ...AUDIO, port: 5004 },
    { ...VIDEO, port: 5005 },
  ];
  await assert.rejects(attempt({ tracks: close }), code("port-in-use"));
  await assert.rejects(attempt({ host: "192.0.2.1" }), code("bind-failed"));
  assert.equal(inputs.isEmpty, true);
});

test("closing frees the ports, and the input can be opened again", async () => {
  const { clock, inputs } = testInputs();
  const first = await openRtpIngest(inputOptions(), inputs, ingestPorts(clock));
  const port = first.ports.tracks[0]?.rtpPort as number;
  await first.close();
  await first.close();
  const options = inputOptions({ tracks: [{ ...AUDIO, port }] });
  const second = await openRtpIngest(options, inputs, ingestPorts(clock));
  assert.equal(second.ports.tracks[0]?.rtpPort, port);
  await second.close();
  assert.deepEqual(clock.pending, []);
});

test("[G30] several inputs of one machine receive a group, and no other datagrams to its port", async () => {
  const first = testInputs();
  const second = testInputs();
  const free = await socketOn();
  const { port } = free.address();
  free.close();
  const tracks = [{ ...AUDIO, port, group: { address: "239.255.77.8" } }];
  const options = inputOptions({ tracks, trusted: "first", interface: TRUSTED });
  const opens = [
    await openRtpIngest(options, first.inputs, ingestPorts(first.clock)),
    await openRtpIngest(options, second.inputs, ingestPorts(second.clock)),
  ];
  const sender = await socketOn();
  sender.setMulticastInterface(TRUSTED);
  const stranger = new RtpSource(6);
  sender.send(stranger.next(), port, TRUSTED);
  const source = new RtpSource(5);
  sender.send(source.next(), port, "239.255.77.8");
  await until(
    () => first.publisher.published.length === 1 && second.publisher.published.length === 1,
  );
  assert.deepEqual(
    opens.map(({ ingest }) => [ingest.packets, ingest.drops.toJSON()]),
    [
      [1, {}],
      [1, {}],
    ],
  );
  sender.close();
  for (const open of opens) await open.close();
});

test("an input whose group cannot be joined fails, and no socket stays open", async () => {
  const { clock, inputs } = testInputs();
  const codeOf = async (address: string, changes: Parameters<typeof inputOptions>[0] = {}) => {
    const tracks = [{ ...AUDIO, port: 5_004, group: { address } }];
    const opening = openRtpIngest(inputOptions({ tracks, ...changes }), inputs, ingestPorts(clock));
    return await opening.then(
      () => "none",
      (error: MeanderError) => error.code,
    );
  };
  assert.equal(await codeOf("192.0.2.77"), "multicast-refused");
  assert.equal(await codeOf("239.1.2.3", { interface: "no-such-0" }), "interface-unknown");
  const tracks = [{ ...AUDIO, port: 5_004, group: { address: "232.1.2.3", sources: ["::1"] } }];
  assert.equal(await codeOf("", { tracks, interface: TRUSTED }), "multicast-refused");
  assert.ok(inputs.isEmpty);
});
