import { SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import {
  type Connection,
  composeStack,
  parseStack,
  type StackPorts,
  TraceRegistry,
} from "../stack/index.ts";
import { faultOf, lengthOf } from "../wire/index.ts";
import { type ConnectionPair, connectionConformance } from "./connection.conformance.ts";
import { CuttableWire, LoopbackServer } from "./loopback-server.conformance.ts";
import { nodeCipher } from "./node-cipher.ts";
import { acceptTcp, TcpTransport } from "./tcp.ts";
import { UdpTransport } from "./udp.ts";
import { WebSocketTransport } from "./websocket.ts";
import { WebSocketAcceptor } from "./websocket-acceptor.ts";

const HOST = "127.0.0.1";
const SECRET = new Uint8Array(32).fill(9);

function portsOf(clock: VirtualClock, seed: number): StackPorts {
  return {
    clock,
    random: new SeededRandom(seed),
    cipher: nodeCipher,
    secret: () => SECRET,
    traces: new TraceRegistry(),
  };
}

/** The same stack over both ends of a connection. */
function over(
  stack: string,
  clock: VirtualClock,
  ends: { readonly left: Connection; readonly right: Connection },
): Pick<ConnectionPair, "left" | "right" | "inject" | "advance"> {
  const { modules } = parseStack(stack);
  const left = composeStack(modules, ends.left, portsOf(clock, 1));
  const right = composeStack(modules, ends.right, portsOf(clock, 2));
  return {
    left,
    right,
    // Packets are sent like any others; other bytes bypass the modules.
    inject: (bytes) => {
      const isPacket = faultOf(bytes) === undefined && lengthOf(bytes) === bytes.byteLength;
      (isPacket ? right : ends.right).send(bytes);
    },
    advance: (ms) => clock.advance(ms),
  };
}

for (const stack of ["crypt:udp", "frag:crypt:udp", "frag:crypt:fault:trace:udp"]) {
  const traits = { reliable: false, coalesces: false, recovers: true };
  connectionConformance(stack, traits, async () => {
    const clock = new VirtualClock();
    const common = { host: HOST, port: 0, clock, log: SILENT };
    const [here, there] = [await UdpTransport.open(common), await UdpTransport.open(common)];
    const ends = {
      left: await here.connect(there.address),
      right: await there.connect(here.address),
    };
    return {
      ...over(stack, clock, ends),
      [Symbol.asyncDispose]: async () => {
        await here[Symbol.asyncDispose]();
        await there[Symbol.asyncDispose]();
      },
    };
  });
}

for (const stack of ["crypt:tcp", "trace:crypt:fault:tcp"]) {
  const traits = { reliable: true, coalesces: true, recovers: false };
  connectionConformance(stack, traits, async () => {
    const clock = new VirtualClock();
    const http = await LoopbackServer.open();
    const wire = await CuttableWire.open(http.port);
    const transport = new TcpTransport({ clock });
    const [left, right] = await Promise.all([
      transport.connect(wire.address),
      http.upgrade().then(({ socket, head }) => acceptTcp(socket, head, { clock })),
    ]);
    return {
      ...over(stack, clock, { left, right }),
      vanish: () => wire.cut(),
      [Symbol.asyncDispose]: async () => {
        await transport[Symbol.asyncDispose]();
        right.close();
        clock.advance(2_000);
        await wire[Symbol.asyncDispose]();
        await http[Symbol.asyncDispose]();
      },
    };
  });
}

connectionConformance(
  "crypt:websocket",
  { reliable: true, coalesces: true, recovers: true },
  async () => {
    const clock = new VirtualClock();
    const http = await LoopbackServer.open();
    const wire = await CuttableWire.open(http.port);
    const transport = new WebSocketTransport({ clock });
    const acceptor = new WebSocketAcceptor({ clock });
    const [left, right] = await Promise.all([
      transport.connect(`ws://${wire.address}/link`),
      http.upgrade().then(({ request, socket, head }) => acceptor.accept(request, socket, head)),
    ]);
    return {
      ...over("crypt:websocket", clock, { left, right }),
      vanish: () => wire.cut(),
      [Symbol.asyncDispose]: async () => {
        await transport[Symbol.asyncDispose]();
        clock.advance(2_000);
        await wire[Symbol.asyncDispose]();
        await http[Symbol.asyncDispose]();
      },
    };
  },
);
