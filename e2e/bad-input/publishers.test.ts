import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeRtcp, encodeRtp } from "../../src/wire/index.ts";
import { junk } from "../support/hostile.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "../support/rtp-source.ts";
import { openUdp } from "../support/udp.ts";
import { until } from "../support/wait.ts";
import { WitnessedNetwork } from "../support/witnessed-network.ts";

const witnessed = WitnessedNetwork.use();

suite("unacceptable RTP", () => {
  test("is counted by reason, and disturbs neither its channel nor others", async (t) => {
    const { source, port } = await witnessed.publish("pestered");
    using viewer = await witnessed.watch("pestered");
    await until("packets", () => viewer.received.length > 50);
    const socket = await openUdp();
    const send = (bytes: Uint8Array, to = port): void => socket.send(bytes, to, "127.0.0.1");
    const rtp = (change: { payloadType?: number; ssrc?: number; sequence?: number }): Uint8Array =>
      encodeRtp({
        ...{ marker: true, payloadType: 96, sequence: source.sequence, timestamp: 1, ssrc: 1 },
        ...{ csrcs: [], extensions: [], payload: junk(100) },
        ...change,
      });
    const wrongVersion = rtp({});
    wrongVersion[0] = 0x40;
    const tooManySources = rtp({}).slice(0, 20);
    tooManySources[0] = 0x8f;
    for (const bytes of [new Uint8Array(3), rtp({}).slice(0, 11), wrongVersion, tooManySources]) {
      send(bytes);
    }
    for (let count = 0; count < 5; count++) send(rtp({ payloadType: 33 }));
    for (let count = 0; count < 6; count++) send(rtp({ ssrc: 99 }));
    for (let count = 0; count < 7; count++)
      send(rtp({ sequence: (source.sequence + 20_000 + 50 * count) & 0xffff }));
    send(new Uint8Array([0x80, 200, 0, 60, 1, 2, 3, 4]), port + 1);
    send(junk(65_000, 12).fill(0, 0, 1));
    const expected = {
      "malformed-rtp": 5,
      "malformed-rtcp": 1,
      "payload-type": 5,
      "second-source": 6,
    };
    const input = async () => (await witnessed.channel("pestered"))?.inputs[0];
    await until("all are counted", async () => {
      const drops = (await input())?.drops ?? {};
      return Object.entries(expected).every(([reason, count]) => drops[reason] === count);
    });
    assert.ok(((await input())?.drops["sequence-jump"] ?? 0) >= 6, "jumps without a successor");
    t.diagnostic(JSON.stringify((await input())?.drops));
    socket.close();
    await source.stop();
    const last = (source.sequence - 1) & 0xffff;
    await until("the last packet", () => viewer.received.some(({ sequence }) => sequence === last));
    assert.deepEqual(viewer.account(), {
      packets: viewer.received.length,
      missing: 0,
      repeated: 0,
    });
  });

  test("from an address other than the publisher's is counted and dropped", {
    skip: process.platform === "darwin" ? "macOS has no 127.0.0.2" : false,
  }, async () => {
    const { source, port } = await witnessed.publish("guarded");
    using viewer = await witnessed.watch("guarded");
    await until("packets", () => viewer.received.length > 50);
    const stranger = await openUdp(0, "127.0.0.2");
    const bytes = encodeRtp({
      ...{ marker: true, payloadType: 96, sequence: source.sequence, timestamp: 1, ssrc: 1 },
      ...{ csrcs: [], extensions: [], payload: junk(100) },
    });
    for (let count = 0; count < 20; count++) stranger.send(bytes, port, "127.0.0.1");
    const bye = encodeRtcp([{ type: "bye", ssrcs: [1], reason: "" }]);
    stranger.send(bye, port + 1, "127.0.0.1");
    await until("all are counted", async () => {
      return (await witnessed.channel("guarded"))?.inputs[0]?.drops["untrusted-source"] === 21;
    });
    stranger.close();
    await source.stop();
    assert.deepEqual(viewer.account(), {
      packets: viewer.received.length,
      missing: 0,
      repeated: 0,
    });
    assert.equal(viewer.flows.length, 1);
  });
});

suite("a publisher", () => {
  test("that stops and returns, as the same source or another, keeps its viewers", async () => {
    const { source, port } = await witnessed.publish("returning");
    using viewer = await witnessed.watch("returning");
    let sent = 0;
    const finish = async (one: RtpSource): Promise<void> => {
      await one.stop();
      sent += one.count;
      const { drops } = (await witnessed.channel("returning"))?.inputs[0] ?? {};
      const dropped = (drops?.["second-source"] ?? 0) + (drops?.["sequence-jump"] ?? 0);
      await until(`${sent - dropped} packets`, () => viewer.received.length === sent - dropped);
    };
    await until("packets", () => viewer.received.length > PACKETS_PER_SECOND / 2);
    await finish(source);
    const again = async (ssrc: number, sequence: number): Promise<void> => {
      const before = viewer.received.length;
      const next = await RtpSource.start({ ports: [port], ssrc, sequence });
      await until("more packets", () => viewer.received.length > before + PACKETS_PER_SECOND / 3);
      await finish(next);
    };
    await again(1, source.sequence);
    assert.equal(viewer.flows.length, 1, "a source that continues its numbers is the same");
    await again(1, 40_000);
    assert.equal(viewer.flows.length, 2, "a source that restarts has another generation");
    await again(2, 10);
    assert.equal(viewer.flows.length, 3, "another SSRC is another source");
    const { missing, repeated } = viewer.account();
    assert.deepEqual({ missing, repeated }, { missing: 0, repeated: 0 });
  });

  test("beyond the one that a channel allows is refused, and the answer names the present one", async () => {
    const { source } = await witnessed.publish("single");
    using viewer = await witnessed.watch("single");
    await until("packets", () => viewer.received.length > 50);
    const put = (query: string): Promise<Response> =>
      fetch(`${witnessed.solo.url}/channels/single?ports=assign&${query}`, {
        method: "PUT",
        headers: { "content-type": "application/sdp" },
        body: sourceSdp("single"),
      });
    for (const query of ["input=main", "input=other"]) {
      const response = await put(query);
      assert.equal(response.status, 409);
      const { error } = (await response.json()) as { error: Record<string, string> };
      assert.equal(error["code"], "publisher-exists");
      assert.match(
        error["message"] ?? "",
        /input "main" from 127\.0\.0\.1 has been publishing since 20/,
      );
      assert.match(error["next"] ?? "", /replace/);
    }
    assert.equal((await witnessed.channel("single"))?.inputs.length, 1);
    const seen = viewer.received.length;
    const replaced = await put("input=main&replace=true");
    assert.equal(replaced.status, 201);
    const { tracks } = (await replaced.json()) as { tracks: { rtpPort: number }[] };
    source.ports = tracks.map(({ rtpPort }) => rtpPort);
    await until("packets by its new port", () => viewer.received.length > seen + 50);
    await source.stop();
  });

  test("whose sequence numbers and timestamps wrap loses nothing", async () => {
    const { source } = await witnessed.publish("wrapping", {
      sequence: 65_530,
      timestamp: 2 ** 32 - 1_000,
    });
    using viewer = await witnessed.watch("wrapping");
    await until("packets", () => viewer.received.length > PACKETS_PER_SECOND);
    await source.stop();
    const last = (source.sequence - 1) & 0xffff;
    await until("the last packet", () => viewer.received.at(-1)?.sequence === last);
    assert.ok(last < 60_000, "the sequence numbers have wrapped");
    assert.deepEqual(viewer.account(), { packets: source.count, missing: 0, repeated: 0 });
    assert.equal(viewer.flows.length, 1);
  });

  test("whose clock jumps keeps its viewers", async () => {
    const { source, port } = await witnessed.publish("jumping");
    using viewer = await witnessed.watch("jumping");
    const socket = await openUdp();
    let ntpSeconds = 3_900_000_000;
    for (const ticks of [90_000 * 3_600, -2 * 90_000 * 3_600, 0x7fff_ffff]) {
      const from = viewer.received.length;
      await until("packets", () => viewer.received.length > from + 60);
      source.leap(ticks);
      ntpSeconds = ntpSeconds === 3_900_000_000 ? 1 : 3_900_000_000;
      const report = { ssrc: 1, ntpSeconds, ntpFraction: 0, rtpTimestamp: 5 };
      const counts = { packetCount: 1, octetCount: 1, reports: [] };
      const bytes = encodeRtcp([{ type: "sender-report", ...report, ...counts }]);
      socket.send(bytes, port + 1, "127.0.0.1");
    }
    const from = viewer.received.length;
    await until("packets", () => viewer.received.length > from + 60);
    socket.close();
    await source.stop();
    assert.equal(viewer.account().missing, 0);
    assert.equal(viewer.flows.length, 1);
  });
});

witnessed.testMemory();
