import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeRtp } from "../../src/wire/index.ts";
import {
  controlPacket,
  junk,
  malformedPackets,
  openTcpLink,
  openWebSocket,
  rawHttp,
  viewerHello,
} from "../support/hostile.ts";
import { openUdp } from "../support/udp.ts";
import { until } from "../support/wait.ts";
import { assertGrowth, WitnessedNetwork } from "../support/witnessed-network.ts";

const witnessed = WitnessedNetwork.use();

suite("malformed packets", () => {
  test("on the UDP link port are counted and dropped", async () => {
    const before = await witnessed.siteDrops();
    const socket = await openUdp();
    const send = (bytes: Uint8Array): void =>
      socket.send(bytes, witnessed.solo.udpPort, "127.0.0.1");
    const malformed = malformedPackets();
    for (const bytes of malformed) send(bytes);
    await witnessed.untilCounted("udp-malformed", before, malformed.length);
    // Well-formed, from a sender without a handshake.
    send(controlPacket({ type: "heartbeat", sentAt: 1, echo: Number.NaN, heldMs: 0 }));
    await witnessed.untilCounted("udp-remote-unknown", before, 1);
    // A handshake as a site, without the session's key.
    const forged = {
      role: "site",
      name: "edge",
      instance: 1,
      token: "guess",
      heartbeatMs: 50,
    } as const;
    send(controlPacket({ type: "hello", ...forged }));
    await witnessed.untilCounted("untrusted-site", before, 1);
    socket.close();
  });

  test("after a handshake are counted when the sender leaves", async () => {
    const before = await witnessed.siteDrops();
    const socket = await openUdp();
    const send = (bytes: Uint8Array): void =>
      socket.send(bytes, witnessed.solo.udpPort, "127.0.0.1");
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
    const id = (await witnessed.channel("witness"))?.id ?? 0;
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
      return ((await witnessed.channel("witness"))?.drops["untrusted-source"] ?? 0) >= 1;
    });
    send(controlPacket({ type: "close", code: "done", message: "" }));
    await until("its messages are counted", async () => {
      return (
        ((await witnessed.siteDrops())["malformed-control"] ?? 0) >=
        (before["malformed-control"] ?? 0) + 55
      );
    });
    socket.close();
  });

  test("in a flood do not fill the memory", async () => {
    const before = await witnessed.solo.client.site();
    const socket = await openUdp();
    const bytes = malformedPackets().filter((each) => each.byteLength < 2_000);
    for (let round = 0; round < 2_000; round++) {
      for (const each of bytes) socket.send(each, witnessed.solo.udpPort, "127.0.0.1");
      // The kernel sends them meanwhile.
      if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until("the flood is over", async () => {
      return (
        ((await witnessed.siteDrops())["udp-malformed"] ?? 0) >
        (before.snapshot.drops["udp-malformed"] ?? 0) + 5_000
      );
    });
    socket.close();
    const { process: now } = await witnessed.solo.client.site();
    assertGrowth(before.process.rssBytes, now.rssBytes);
  });

  test("on the HTTP port are answered with the reason, or not at all", async () => {
    const site = witnessed.solo;
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
    assert.doesNotMatch(site.running.stderr(), /"level":[56]0/, "none of it was an internal error");
  });

  test("on a WebSocket are counted; one that cannot be read past ends the connection", async () => {
    const before = await witnessed.siteDrops();
    const malformed = malformedPackets();
    const { socket, closed } = await openWebSocket(witnessed.solo);
    // Without a greeting, it might send only a few of these bytes.
    socket.send(viewerHello("malformed"));
    for (const bytes of malformed) socket.send(bytes);
    socket.send("text");
    socket.close();
    await closed;
    await witnessed.untilCounted("malformed", before, malformed.length + 1);

    const large = await openWebSocket(witnessed.solo);
    large.socket.send(viewerHello("large"));
    large.socket.send(new Uint8Array(2 * 1024 * 1024));
    assert.equal(await large.closed, 1009, "message too big");
    await witnessed.untilCounted("malformed", before, malformed.length + 2);

    const silent = await openWebSocket(witnessed.solo);
    silent.socket.send(
      controlPacket({
        type: "subscribe",
        request: 1,
        channel: "witness",
        forward: true,
        resume: [],
      }),
    );
    assert.ok(
      [1000, 1005, 1006].includes(await silent.closed),
      "a peer that does not begin with a handshake is disconnected",
    );
  });

  test("on a TCP link are counted and end the connection", async () => {
    const before = await witnessed.siteDrops();
    for (const bytes of [junk(64, 9), malformedPackets()[4] as Uint8Array]) {
      const { socket, closed } = await openTcpLink(witnessed.solo);
      socket.write(bytes);
      await closed;
    }
    await witnessed.untilCounted("malformed", before, 2);
    // A packet that never ends occupies a few KiB, for a short time.
    const { socket, closed } = await openTcpLink(witnessed.solo);
    socket.write(new Uint8Array([0x11, 0, 0xff, 0xff]));
    await closed;
  });
});

witnessed.testMemory();
