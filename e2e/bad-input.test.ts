import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import {
  decodeControl,
  encodeRtcp,
  encodeRtp,
  KIND,
  kindOf,
  payloadOf,
  splitPackets,
} from "../src/wire/index.ts";
import {
  controlPacket,
  junk,
  malformedPackets,
  openTcpLink,
  openWebSocket,
  rawHttp,
  viewerHello,
} from "./support/hostile.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { endOf, meander } from "./support/processes.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { openUdp } from "./support/udp.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const RSS_GROWTH_MAX = 150e6;

let network: Network;
/** A channel that nobody attacks, watched at the other site throughout. */
let witnessed: RtpSource;
let witness: Viewer;
let rssBefore = 0;

before(async () => {
  network = await Network.open("solo", "edge");
  witnessed = (await publish("witness")).source;
  witness = await Viewer.open(network.site("edge").url, "witness", "witness");
  await until("the witness", () => witness.received.length > PACKETS_PER_SECOND);
  rssBefore = (await solo().client.site()).process.rssBytes;
});

afterEach(async () => {
  const seen = witness.received.length;
  await until("the witness goes on", () => witness.received.length > seen + 30);
  const { missing, repeated } = witness.account();
  assert.deepEqual({ missing, repeated, gaps: witness.gaps }, { missing: 0, repeated: 0, gaps: 0 });
  assert.equal(solo().running.child.exitCode, null);
});

after(async () => {
  witness?.close();
  await witnessed?.stop();
  await network?.[Symbol.asyncDispose]();
});

const solo = (): SiteProcess => network.site("solo");

/** Opens an input and sends it a source. */
async function publish(
  channel: string,
  options: { readonly ssrc?: number; readonly sequence?: number; readonly timestamp?: number } = {},
): Promise<{ readonly source: RtpSource; readonly port: number }> {
  const port = await openInput(channel);
  return { source: await RtpSource.start({ ports: [port], ssrc: 1, ...options }), port };
}

async function openInput(channel: string): Promise<number> {
  const { client } = solo();
  const answer = await client.publishSdp(channel, sourceSdp(channel), { ports: "assign" });
  return answer.tracks[0]?.rtpPort as number;
}

async function watch(channel: string): Promise<Viewer> {
  return Viewer.open(network.site("edge").url, channel);
}

/** The site's drops that belong to no channel. */
async function siteDrops(): Promise<Readonly<Record<string, number>>> {
  return (await solo().client.site()).snapshot.drops;
}

/** Waits until a count of the site has grown by this much, exactly. */
async function untilCounted(
  reason: string,
  from: Readonly<Record<string, number>>,
  by: number,
): Promise<void> {
  const wanted = (from[reason] ?? 0) + by;
  await until(`${reason} grows by ${by}`, async () => (await siteDrops())[reason] === wanted);
}

suite("what is no packet", () => {
  test("on the UDP link port is counted and dropped", async () => {
    const before = await siteDrops();
    const socket = await openUdp();
    const send = (bytes: Uint8Array): void => socket.send(bytes, solo().udpPort, "127.0.0.1");
    const malformed = malformedPackets();
    for (const bytes of malformed) send(bytes);
    await untilCounted("udp-malformed", before, malformed.length);
    // Sound, and from somebody who has not greeted.
    send(controlPacket({ type: "heartbeat", sentAt: 1, echo: Number.NaN, heldMs: 0 }));
    await untilCounted("udp-remote-unknown", before, 1);
    // A greeting as a site, without the session's key.
    const forged = {
      role: "site",
      name: "edge",
      instance: 1,
      token: "guess",
      heartbeatMs: 50,
    } as const;
    send(controlPacket({ type: "hello", ...forged }));
    await untilCounted("untrusted-site", before, 1);
    socket.close();
  });

  test("from somebody who has greeted is counted when he goes", async () => {
    const before = await siteDrops();
    const socket = await openUdp();
    const send = (bytes: Uint8Array): void => socket.send(bytes, solo().udpPort, "127.0.0.1");
    let answers = 0;
    socket.on("message", () => answers++);
    send(viewerHello("hostile"));
    await until("the welcome", () => answers > 0);
    const header = controlPacket({ type: "unsubscribe", request: 1, id: 1 });
    for (let type = 0; type < 64; type++) {
      const packet = header.slice(0, 21 + 16);
      packet.set(junk(16, type), 21);
      packet[2] = packet.byteLength;
      // No valid message begins with these types, or is 16 bytes of junk.
      packet[20] = type;
      if (type !== 36) send(packet);
    }
    const id = (await channelAt(solo(), "witness"))?.id ?? 0;
    const rtp = encodeRtp({
      ...{ marker: true, payloadType: 96, sequence: 1, timestamp: 1, ssrc: 1 },
      ...{ csrcs: [], extensions: [], payload: junk(50) },
    });
    const forged = controlPacket({ type: "bye" }, id).slice(0, 20);
    const packet = new Uint8Array([...forged, ...rtp]);
    packet[0] = 0x15;
    packet[2] = packet.byteLength;
    send(packet);
    await until("the forged packet is counted", async () => {
      return ((await channelAt(solo(), "witness"))?.drops["untrusted-source"] ?? 0) >= 1;
    });
    send(controlPacket({ type: "close", code: "done", message: "" }));
    await until("what it said is counted", async () => {
      return (
        ((await siteDrops())["malformed-control"] ?? 0) >= (before["malformed-control"] ?? 0) + 55
      );
    });
    socket.close();
  });

  test("in a flood does not fill the memory", async () => {
    const before = await solo().client.site();
    const socket = await openUdp();
    const bytes = malformedPackets().filter((each) => each.byteLength < 2_000);
    for (let round = 0; round < 2_000; round++) {
      for (const each of bytes) socket.send(each, solo().udpPort, "127.0.0.1");
      // Let the kernel have them.
      if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until("the flood is over", async () => {
      return (
        ((await siteDrops())["udp-malformed"] ?? 0) >
        (before.snapshot.drops["udp-malformed"] ?? 0) + 5_000
      );
    });
    socket.close();
    const { process: now } = await solo().client.site();
    const grown = now.rssBytes - before.process.rssBytes;
    assert.ok(grown < RSS_GROWTH_MAX, `memory grew by ${Math.round(grown / 1e6)} MB`);
  });

  test("on the HTTP port is answered with why, or not at all", async () => {
    const site = solo();
    const host = `host: 127.0.0.1:${site.httpPort}\r\nconnection: close`;
    const cases: readonly (readonly [request: string | Uint8Array, answer: RegExp])[] = [
      [junk(5_000), /^HTTP\/1\.1 400/],
      [new Uint8Array(100), /^HTTP\/1\.1 400/],
      ["GET\r\n\r\n", /^HTTP\/1\.1 400/],
      [`GET // HTTP/1.1\r\n${host}\r\n\r\n`, /^HTTP\/1\.1 400.*request-invalid/s],
      [`TRACE / HTTP/1.1\r\n${host}\r\n\r\n`, /^HTTP\/1\.1 400.*request-invalid/s],
      [
        "GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        /^HTTP\/1\.1 403.*host-refused/s,
      ],
      [
        `GET /health HTTP/1.1\r\n${host}\r\norigin: http://evil.example\r\n\r\n`,
        /^HTTP\/1\.1 403.*origin-refused/s,
      ],
      [
        `GET /health HTTP/1.1\r\n${host}\r\nx: ${"y".repeat(70_000)}\r\n\r\n`,
        /^HTTP\/1\.1 4(00|31)/,
      ],
      [
        `PUT /channels/x HTTP/1.1\r\n${host}\r\ncontent-length: 9999999\r\n\r\n`,
        /^HTTP\/1\.1 413.*body-too-large/s,
      ],
      [`GET /nothing/here HTTP/1.1\r\n${host}\r\n\r\n`, /^HTTP\/1\.1 404.*path-unknown/s],
      [`GET /../../package.json HTTP/1.1\r\n${host}\r\n\r\n`, /^HTTP\/1\.1 404/],
      [`GET /%2e%2e/%2e%2e/package.json HTTP/1.1\r\n${host}\r\n\r\n`, /^HTTP\/1\.1 404/],
      [
        `GET /link HTTP/1.1\r\n${host}\r\nupgrade: smoke\r\nconnection: upgrade\r\n\r\n`,
        /^HTTP\/1\.1 404.*upgrade-unknown/s,
      ],
      [
        `GET /link HTTP/1.1\r\n${host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
        /^HTTP\/1\.1 4(00|26)/,
      ],
    ];
    for (const [request, answer] of cases) {
      const shown =
        typeof request === "string" ? request.slice(0, 60) : `${request.byteLength} bytes`;
      assert.match(await rawHttp(site, request), answer, shown);
    }
    assert.equal((await site.client.health()).status, "ok");
    assert.doesNotMatch(site.running.stderr(), /"level":[56]0/, "none of it was an error of ours");
  });

  test("on a WebSocket is counted, and what can not be read on ends it", async () => {
    const before = await siteDrops();
    const malformed = malformedPackets();
    const { socket, closed } = await openWebSocket(solo());
    for (const bytes of malformed) socket.send(bytes);
    socket.send("text");
    socket.close();
    await closed;
    await untilCounted("malformed", before, malformed.length + 1);

    const large = await openWebSocket(solo());
    large.socket.send(new Uint8Array(2 * 1024 * 1024));
    assert.equal(await large.closed, 1009, "message too big");
    await untilCounted("malformed", before, malformed.length + 2);

    const silent = await openWebSocket(solo());
    silent.socket.send(
      controlPacket({
        type: "subscribe",
        request: 1,
        channel: "witness",
        forward: true,
        resume: [],
      }),
    );
    assert.ok([1000, 1005, 1006].includes(await silent.closed), "whoever does not greet is let go");
  });

  test("on a TCP link is counted and ends it", async () => {
    const before = await siteDrops();
    for (const bytes of [junk(64, 9), malformedPackets()[4] as Uint8Array]) {
      const { socket, closed } = await openTcpLink(solo());
      socket.write(bytes);
      await closed;
    }
    await untilCounted("malformed", before, 2);
    // A packet that never ends holds what it is: a few KiB, and not for long.
    const { socket, closed } = await openTcpLink(solo());
    socket.write(new Uint8Array([0x11, 0, 0xff, 0xff]));
    await closed;
  });
});

suite("RTP that is not welcome", () => {
  test("is counted by reason, and disturbs neither its channel nor another", async (t) => {
    const { source, port } = await publish("pestered");
    using viewer = await watch("pestered");
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
    const input = async () => (await channelAt(solo(), "pestered"))?.inputs[0];
    await until("all are counted", async () => {
      const drops = (await input())?.drops ?? {};
      return Object.entries(expected).every(([reason, count]) => drops[reason] === count);
    });
    assert.ok(((await input())?.drops["sequence-jump"] ?? 0) >= 6, "jumps that nothing follows");
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

  test("from an address that the publisher does not have is counted and dropped", {
    skip: process.platform === "darwin" ? "127.0.0.2 is no address of a Mac" : false,
  }, async () => {
    const { source, port } = await publish("guarded");
    using viewer = await watch("guarded");
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
      return (await channelAt(solo(), "guarded"))?.inputs[0]?.drops["untrusted-source"] === 21;
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
  test("that stops and returns, as the same source or another, is watched on", async () => {
    const { source, port } = await publish("returning");
    using viewer = await watch("returning");
    let sent = 0;
    const finish = async (one: RtpSource): Promise<void> => {
      await one.stop();
      sent += one.count;
      const { drops } = (await channelAt(solo(), "returning"))?.inputs[0] ?? {};
      const dropped = (drops?.["second-source"] ?? 0) + (drops?.["sequence-jump"] ?? 0);
      await until(`${sent - dropped} packets`, () => viewer.received.length === sent - dropped);
    };
    await until("packets", () => viewer.received.length > PACKETS_PER_SECOND / 2);
    await finish(source);
    const again = async (ssrc: number, sequence: number): Promise<void> => {
      const before = viewer.received.length;
      const next = await RtpSource.start({ ports: [port], ssrc, sequence });
      await until("it goes on", () => viewer.received.length > before + PACKETS_PER_SECOND / 3);
      await finish(next);
    };
    await again(1, source.sequence);
    assert.equal(viewer.flows.length, 1, "one that goes on where it was is the same");
    await again(1, 40_000);
    assert.equal(viewer.flows.length, 2, "one that starts anew is another run of the same");
    await again(2, 10);
    assert.equal(viewer.flows.length, 3, "another SSRC is another source");
    const { missing, repeated } = viewer.account();
    assert.deepEqual({ missing, repeated }, { missing: 0, repeated: 0 });
  });

  test("beside the one that a channel may have is refused, and told who is there", async () => {
    const { source } = await publish("single");
    using viewer = await watch("single");
    await until("packets", () => viewer.received.length > 50);
    const put = (query: string): Promise<Response> =>
      fetch(`${solo().url}/channels/single?ports=assign&${query}`, {
        method: "PUT",
        headers: { "content-type": "application/sdp" },
        body: sourceSdp("single"),
      });
    for (const query of ["input=main", "input=other"]) {
      const response = await put(query);
      assert.equal(response.status, 409);
      const { error } = (await response.json()) as { error: Record<string, string> };
      assert.equal(error["code"], "publisher-exists");
      assert.match(error["message"] ?? "", /input "main" from 127\.0\.0\.1 publishes since 20/);
      assert.match(error["next"] ?? "", /replace/);
    }
    assert.equal((await channelAt(solo(), "single"))?.inputs.length, 1);
    const seen = viewer.received.length;
    const replaced = await put("input=main&replace=true");
    assert.equal(replaced.status, 201);
    const { tracks } = (await replaced.json()) as { tracks: { rtpPort: number }[] };
    source.ports = tracks.map(({ rtpPort }) => rtpPort);
    await until("it goes on at its new port", () => viewer.received.length > seen + 50);
    await source.stop();
  });

  test("whose numbers and times wrap is watched without a break", async () => {
    const { source } = await publish("wrapping", { sequence: 65_530, timestamp: 2 ** 32 - 1_000 });
    using viewer = await watch("wrapping");
    await until("packets", () => viewer.received.length > PACKETS_PER_SECOND);
    await source.stop();
    const last = (source.sequence - 1) & 0xffff;
    await until("the last packet", () => viewer.received.at(-1)?.sequence === last);
    assert.ok(last < 60_000, "the numbers have wrapped");
    assert.deepEqual(viewer.account(), { packets: source.count, missing: 0, repeated: 0 });
    assert.equal(viewer.flows.length, 1);
  });

  test("whose clock jumps is watched on", async () => {
    const { source, port } = await publish("jumping");
    using viewer = await watch("jumping");
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

suite("what a site is asked for", () => {
  const media = "m=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
  const sdps: readonly (readonly [sdp: string, code: string, words: RegExp])[] = [
    ["v=0\r\ns=x\r\n", "sdp-no-media", /m=video/],
    ["", "sdp-no-media", /m=video/],
    ["hello", "sdp-invalid", /line 1.*v=0/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "0")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "70000")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "http")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("96 H264", "97 H264")}`, "sdp-invalid", /line 3.*rtpmap:96/],
    [`v=0\r\ns=x\r\n${media.replace("RTP/AVP", "UDP")}`, "sdp-invalid", /line 3.*RTP\/AVP/],
    [`v=0\r\n${"a=x\r\n".repeat(20_000)}`, "sdp-invalid", /65536/],
  ];
  test("with an SDP that is none, has no media or wrong ports, it says where and what was expected", async () => {
    for (const [sdp, code, words] of sdps) {
      const shown = sdp.slice(0, 80);
      const response = await fetch(`${solo().url}/channels/described`, {
        method: "PUT",
        headers: { "content-type": "application/sdp" },
        body: sdp,
      });
      const { error } = (await response.json()) as { error: Record<string, string> };
      assert.equal(response.status, 400, shown);
      assert.equal(error["code"], code, shown);
      assert.match(`${error["where"]} ${error["expected"]}`, words, shown);
    }
    await assert.rejects(solo().client.channel("described"), { code: "channel-unknown" });
  });

  test("on a port that is taken, it says which", async () => {
    const taken = await openUdp();
    const { port } = taken.address();
    const sdp = `v=0\r\ns=x\r\n${media.replace("5004", `${port}`)}`;
    await assert.rejects(solo().client.publishSdp("blocked", sdp, { ports: "sdp" }), (error) => {
      assert.ok(error instanceof Error && "code" in error);
      assert.equal(error.code, "port-in-use");
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*in use.*another port`));
      return true;
    });
    taken.close();
  });

  test("with odd names of channels, it takes the sound ones and says what a name is", async () => {
    const put = async (name: string): Promise<{ status: number; code: string | undefined }> => {
      const path = name.split("/").map(encodeURIComponent).join("/");
      const response = await fetch(`${solo().url}/channels/${path}?kind=data`, { method: "PUT" });
      const body = (await response.json()) as { error?: { code: string; expected: string } };
      if (body.error?.code === "channel-invalid")
        assert.match(body.error.expected, /letters, digits/);
      return { status: response.status, code: body.error?.code };
    };
    for (const name of ["a", "A-b_c.d", "news/world/now", "0", "x".repeat(100)]) {
      assert.equal((await put(name)).status, 201, name);
      await solo().client.unpublish(name);
    }
    const odd = [
      " ",
      "a b",
      "a\u0000b",
      "ü",
      "😀",
      "a//b",
      "a/",
      ".hidden",
      "a/.b",
      "x".repeat(101),
      "<script>",
      "a?b",
      "a%b",
      "a\nb",
      "constructor/__proto__/ ",
    ];
    for (const name of odd) {
      assert.deepEqual(
        await put(name),
        { status: 400, code: "channel-invalid" },
        JSON.stringify(name),
      );
    }
    for (const name of ["__proto__", "constructor"]) {
      assert.equal((await put(name)).status, 201, name);
      await solo().client.unpublish(name);
    }
  });

  test("with routes that it may not have, it says where, what was expected and what to do", async () => {
    const cases: readonly (readonly [routes: string, words: readonly RegExp[]])[] = [
      ['{"upstream":[]}', [/unknown key/, /upstream/, /"next":".*upstreams/]],
      ['{"maxSubscribers":"many"}', [/maxSubscribers/, /got .*many/, /"expected":".*number/]],
      ['{"upstreams":"north"}', [/upstreams/, /got .*north/, /"expected":"a list"/]],
      ['{"upstreams":["No Site"]}', [/upstreams\[0\]/, /starting with a letter/]],
      ['{"channels":{"a b":{}}}', [/channels/, /a b/, /letters, digits/]],
      ['{"channels":{"a":{"input":{"from":[]}}}}', [/channels\.a\.input\.from/, /at least 1/]],
      ['{"channels":{"a":{"silenceMs":-1}}}', [/channels\.a\.silenceMs/, /got -1/, /at least 50/]],
      ['{"stack":"pigeon"}', [/stack/, /pigeon/, /udp, multicast, tcp/]],
      ['{"stack":"frag(mtu=9):udp"}', [/stack/, /mtu/, /576/]],
      ["{", [/JSON/]],
      ["[]", [/"expected":"an object"/]],
    ];
    const before = await solo().client.routes();
    for (const [body, words] of cases) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${solo().url}/api/config`, { method: "PUT", headers, body });
      assert.equal(response.status, 400, body);
      const text = await response.text();
      for (const word of words) assert.match(text, word, body);
    }
    const file = join(network.folder, "routes.json");
    await writeFile(file, '{"channels":{"a":{"maxPublishers":0}}}');
    const running = meander("config", "set", file, "--site", solo().url);
    assert.equal(await running.ended, 2);
    assert.match(
      running.stderr(),
      /^error: .*0.*\n {2}where: .*channels\.a\.maxPublishers\n {2}expected: .*1/,
    );
    assert.deepEqual(await solo().client.routes(), before, "nothing was taken over");
  });
});

test("a site that can not start says why, where and what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => void taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" ? `${address?.port}` : "";
  const udp = await openUdp();
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(network.folder, name);
    await writeFile(path, text);
    return path;
  };
  const free = ["--http-port", "0", "--udp-port", "0", "--data", join(network.folder, "never")];
  const cases: readonly (readonly [
    args: readonly string[],
    code: number,
    words: readonly RegExp[],
  ])[] = [
    [
      ["--name", "x", "--join", `http://127.0.0.1:${udp.address().port}`, ...free],
      1,
      [/no session could be joined/, /--join http:\/\/127\.0\.0\.1:\d+/, /check that it runs/],
    ],
    [
      ["--name", "x", "--http-port", port],
      1,
      [/the port is taken/, new RegExp(`127.0.0.1:${port}`), /another --http-port/],
    ],
    [
      ["--name", "x", "--http-port", "0", "--udp-port", `${udp.address().port}`],
      1,
      [/the port is taken/, /\(UDP\)/, /another --udp-port/],
    ],
    [free, 2, [/no name/, /argument --name/, /1 to 40 of a-z/, /add --name NAME/]],
    [["--name", "Große", ...free], 2, [/argument --name/, /a-z, 0-9 and -/]],
    [
      ["--name", "x", "--http-port", "seventy"],
      2,
      [/argument --http-port/, /got "seventy"/, /0 to 65535/],
    ],
    [
      ["--name", "x", "--join", "north", ...free],
      2,
      [/argument --join/, /http:\/\/127\.0\.0\.1:7000/],
    ],
    [["--name", "x", "--host", "0.0.0.0", ...free], 1, [/other machines/, /--open/]],
    [
      ["--config", await file("a.json", '{"name":"x","colour":"red"}'), ...free],
      2,
      [/a\.json: colour/, /unknown key/, /name, join/],
    ],
    [["--config", await file("b.json", '{"name":7}'), ...free], 2, [/b\.json: name/, /got 7/]],
    [
      ["--config", await file("c.json", '{"name":"x",\n "host": }'), ...free],
      2,
      [/c\.json: line 2, column 10/, /JSON/],
    ],
    [["--config", join(network.folder, "none.json"), ...free], 2, [/none\.json/, /cannot be read/]],
    [["--nmae", "x"], 2, [/unknown option/, /--name/]],
  ];
  // Two at a time: each is a whole program.
  const waiting = [...cases];
  const runner = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [args, code, words] = next;
      const running = meander("site", ...args);
      assert.equal(await endOf(running), code, `${args.join(" ")}: ${running.stderr()}`);
      for (const word of words) assert.match(running.stderr(), word, args.join(" "));
      assert.doesNotMatch(running.stderr(), /\n {4}at /, "no stack for what the asker did");
    }
  };
  await Promise.all([runner(), runner()]);
  udp.close();
  await new Promise((resolve) => void taken.close(resolve));
});

test("a viewer that never reads is skipped, then let go, and costs the others nothing", async (t) => {
  const { source } = await publish("heavy");
  using viewer = await Viewer.open(solo().url, "heavy");
  await until("packets", () => viewer.received.length > 50);
  const { socket, closed } = await openWebSocket(solo());
  socket.send(viewerHello("lazy"));
  socket.send(
    controlPacket({ type: "subscribe", request: 1, channel: "heavy", forward: true, resume: [] }),
  );
  await new Promise((resolve) => void socket.once("message", resolve));
  socket.pause();
  // It lives, and says so; it only does not read.
  const beats = setInterval(() => {
    socket.send(controlPacket({ type: "heartbeat", sentAt: 1, echo: Number.NaN, heldMs: 0 }));
  }, 500);
  const started = performance.now();
  const lazy = async () => {
    const subscribers = (await channelAt(solo(), "heavy"))?.subscribers ?? [];
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
    await until("it is let go", async () => (await lazy()) === undefined);
    const after = performance.now() - started;
    t.diagnostic(`let go after ${Math.round(after)} ms`);
    assert.ok(after > 8_000 && after < 13_000, `${after} ms`);
    // When it reads at last, it reads why.
    const reasons: string[] = [];
    socket.on("message", (message) => {
      for (const packet of splitPackets(new Uint8Array(message as Buffer))) {
        const said = kindOf(packet) === KIND.control ? decodeControl(payloadOf(packet)) : "";
        if (typeof said !== "string" && said.type === "close") reasons.push(said.message);
      }
    });
    socket.resume();
    await closed;
    assert.match(reasons.join(), /nothing was consumed for 10 s/);
  } finally {
    clearInterval(beats);
    socket.terminate();
  }
  await source.stop();
  assert.deepEqual(viewer.account(), { packets: viewer.received.length, missing: 0, repeated: 0 });
});

test("after all that the site has not grown", async (t) => {
  const { process: now } = await solo().client.site();
  const grown = now.rssBytes - rssBefore;
  t.diagnostic(
    `${Math.round(rssBefore / 1e6)} MB before, ${Math.round(now.rssBytes / 1e6)} MB after`,
  );
  assert.ok(grown < RSS_GROWTH_MAX, `memory grew by ${Math.round(grown / 1e6)} MB`);
});
