import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { FrameNetwork } from "../../stream/index.ts";
import { frameLengthAt, LENGTH_BYTES } from "./frame-stream-reader.ts";
import type { LiveFrameNetwork } from "./live-frame-network.ts";
import { LINK_KEY, type Open, openOn, privately } from "./live-world.test.support.ts";
import { TcpFrameNetwork } from "./tcp-frame-network.ts";
import { UdpFrameNetwork } from "./udp-frame-network.ts";

const NORTH = { site: "north", instance: 1 };
const SOUTH = { site: "south", instance: 2 };
const WORDS = "nobody but south is to read this";

/** What stands between two sites: sees what goes from the dialler to the acceptor, and may change it. */
interface Wire extends AsyncDisposable {
  readonly port: number;
  readonly seen: Uint8Array[];
  change: (piece: Uint8Array) => Uint8Array[];
}

async function tcpWire(target: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(target, "127.0.0.1");
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
    outer.on("data", (piece) => inner.write(piece));
    inner.on("data", (piece) => {
      wire.seen.push(Uint8Array.from(piece));
      for (const each of wire.change(piece)) outer.write(each);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const wire: Wire = {
    port: (server.address() as AddressInfo).port,
    seen: [],
    change: (piece) => [piece],
    [Symbol.asyncDispose]: async () => {
      for (const each of sockets) each.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return wire;
}

async function udpWire(target: number): Promise<Wire> {
  const [front, back] = [createSocket("udp4"), createSocket("udp4")];
  for (const each of [front, back]) {
    each.bind(0, "127.0.0.1");
    await once(each, "listening");
  }
  let dialler = 0;
  front.on("message", (datagram, { port }) => {
    dialler = port;
    wire.seen.push(Uint8Array.from(datagram));
    for (const each of wire.change(datagram)) back.send(each, target, "127.0.0.1");
  });
  back.on("message", (datagram) => front.send(datagram, dialler, "127.0.0.1"));
  const wire: Wire = {
    port: front.address().port,
    seen: [],
    change: (piece) => [piece],
    [Symbol.asyncDispose]: async () => {
      for (const each of [front, back]) {
        each.close();
        await once(each, "close");
      }
    },
  };
  return wire;
}

function frameOf(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const frame = new Uint8Array(LENGTH_BYTES + body.byteLength);
  new DataView(frame.buffer).setUint32(0, frame.byteLength);
  frame.set(body, LENGTH_BYTES);
  return frame;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

/** North sends to south over a wire. */
async function meet(
  open: Open,
  openWire: (target: number) => Promise<Wire>,
  { plainDialler = false } = {},
): Promise<
  {
    readonly wire: Wire;
    readonly north: FrameNetwork & LiveFrameNetwork;
    readonly south: LiveFrameNetwork;
    readonly came: string[];
  } & AsyncDisposable
> {
  const came: string[] = [];
  const south = await openOn(privately(open));
  south.onFrames((_from, bytes) => {
    for (let at = 0; at < bytes.byteLength; ) {
      const end = at + frameLengthAt(bytes, at);
      came.push(new TextDecoder().decode(bytes.subarray(at + LENGTH_BYTES, end)));
      at = end;
    }
  });
  south.join({ siteInstance: SOUTH, linkKey: LINK_KEY });
  const wire = await openWire(south.port);
  const north = await openOn(plainDialler ? open : privately(open));
  north.onFrames(() => {});
  north.join({ siteInstance: NORTH, linkKey: LINK_KEY });
  north.setSites([{ ...SOUTH, host: "127.0.0.1", port: wire.port }]);
  return {
    wire,
    north,
    south,
    came,
    [Symbol.asyncDispose]: async () => {
      await north[Symbol.asyncDispose]();
      await south[Symbol.asyncDispose]();
      await wire[Symbol.asyncDispose]();
    },
  };
}

const KINDS = [
  ["tcp", TcpFrameNetwork.open, tcpWire],
  ["udp", UdpFrameNetwork.open, udpWire],
] as const;

for (const [name, open, openWire] of KINDS) {
  test(`${name}: [N19] what goes over a private way cannot be read between the sites, and the key neither`, async () => {
    await using world = await meet(open, openWire);
    world.north.send(SOUTH, frameOf(WORDS));
    await until(() => world.came.length === 1);
    assert.deepEqual(world.came, [WORDS]);
    const wire = Buffer.concat(world.wire.seen);
    assert.equal(wire.includes(WORDS), false);
    assert.equal(wire.includes("nobody"), false);
    assert.equal(wire.includes(LINK_KEY), false);
    assert(wire.includes("north"), "the handshake is in clear");
  });

  test(`${name}: [N21] with another link key at both ends frames go on, and with the old one none come`, async () => {
    await using world = await meet(open, openWire);
    world.north.send(SOUTH, frameOf("first"));
    await until(() => world.came.length === 1);
    world.south.rekey("f".repeat(64));
    await until(() => {
      world.north.send(SOUTH, frameOf("old"));
      return world.south.counts.get("link-key-wrong") > 0;
    });
    assert.deepEqual(world.came, ["first"]);
    world.north.rekey("f".repeat(64));
    await until(() => {
      world.north.send(SOUTH, frameOf("new"));
      return world.came.length > 1;
    });
    assert.equal(world.came.includes("old"), false);
  });

  test(`${name}: [N19] what was changed on the way is refused and counted`, async () => {
    await using world = await meet(open, openWire);
    world.north.send(SOUTH, frameOf("first"));
    await until(() => world.came.length === 1);
    world.wire.change = (piece) => {
      const changed = Uint8Array.from(piece);
      const last = changed.byteLength - 1;
      changed[last] = (changed[last] as number) ^ 1;
      return [changed];
    };
    world.north.send(SOUTH, frameOf("second"));
    await until(() => world.south.counts.get("seal-forged") === 1);
    world.wire.change = (piece) => [piece];
    // A TCP connection ends and is dialled again; over UDP one datagram is lost.
    await until(() => {
      world.north.send(SOUTH, frameOf("third"));
      return world.came.includes("third");
    });
    assert.equal(world.came.includes("second"), false);
  });

  test(`${name}: [N19] what is repeated on the way is refused and counted`, async () => {
    await using world = await meet(open, openWire);
    world.north.send(SOUTH, frameOf("first"));
    await until(() => world.came.length === 1);
    world.wire.change = (piece) => [piece, Uint8Array.from(piece)];
    world.north.send(SOUTH, frameOf("second"));
    await until(() => world.south.counts.get("seal-replayed") === 1);
    assert.deepEqual(world.came, ["first", "second"]);
  });

  test(`${name}: [N19] a peer that dials without sealing is refused where sealing is required`, async () => {
    await using world = await meet(open, openWire, { plainDialler: true });
    world.north.send(SOUTH, frameOf("first"));
    await until(() => world.north.counts.get("refused-privacy-required") === 1);
    assert.equal(world.south.counts.get("privacy-required"), 1);
    assert.deepEqual(world.came, []);
  });
}
