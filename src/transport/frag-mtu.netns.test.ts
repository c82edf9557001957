/**
 * Packets as ffmpeg makes them (1472 bytes of RTP, 1492 with our header) over an Ethernet with an MTU of 1500, in
 * separate network namespaces: `frag` must keep the kernel from fragmenting them. The kernel's own count of fragments
 * is the evidence, and a run without `frag` shows that it would have made some.
 *
 * The file is its own child: with arguments it is one end of the link.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SILENT, SystemClock, SystemRandom } from "../base/index.ts";
import { composeStack, parseStack } from "../stack/index.ts";
import { splitPackets } from "../wire/index.ts";
import { packetOf } from "./connection.conformance.ts";
import { nodeCipher } from "./node-cipher.ts";
import { UdpTransport } from "./udp.ts";

const PACKETS = 200;
const PAYLOAD_BYTES = 1_472;
const NEAR = { host: "10.213.0.1", port: 17_001 };
const FAR = { host: "10.213.0.2", port: 17_002 };

const [, , stack, end] = process.argv;
if (stack !== undefined && end !== undefined) await runEnd(stack, end);
else registerTests();

function registerTests(): void {
  for (const { stack, isSplitByKernel } of [
    { stack: "frag:udp", isSplitByKernel: false },
    { stack: "frag:crypt:udp", isSplitByKernel: false },
    { stack: "udp", isSplitByKernel: true },
  ]) {
    const outcome = isSplitByKernel ? "are split by the kernel" : "are never split by the kernel";
    const title = `[S20] 1492-byte packets over ${stack} and an MTU of 1500 ${outcome}`;
    test(title, { timeout: 30_000 }, async (t) => {
      const network = await VethPair.create();
      if (network === undefined) {
        t.skip("ip netns not available: needs iproute2 and root");
        return;
      }
      await using link = network;
      const farEnd = link.run(link.far, stack, "receive");
      assert.equal(await nextLine(farEnd), "listening");
      link.run(link.near, stack, "send");
      assert.equal(await nextLine(farEnd), `${PACKETS} intact`);
      const made = await link.fragmentsMade(link.near);
      if (isSplitByKernel) assert(made >= PACKETS, `the kernel made ${made} fragments`);
      else assert.equal(made, 0);
    });
  }
}

/** One end of the link, in a separate process. */
async function runEnd(text: string, role: string): Promise<void> {
  const clock = new SystemClock();
  const isReceiver = role === "receive";
  const [own, other] = isReceiver ? [FAR, NEAR] : [NEAR, FAR];
  await using socket = await UdpTransport.open({ ...own, clock, log: SILENT });
  const below = await socket.connect(`${other.host}:${other.port}`);
  const connection = composeStack(parseStack(text).modules, below, {
    clock,
    random: new SystemRandom(),
    cipher: nodeCipher,
    secret: () => new Uint8Array(32),
  });
  if (!isReceiver) {
    for (let at = 0; at < PACKETS; at++) {
      assert.equal(connection.send(packetOf(PAYLOAD_BYTES, at)), true);
      await new Promise(setImmediate);
    }
    connection.close();
    await below.closed;
    return;
  }
  const missing = new Set(Array.from({ length: PACKETS }, (_, at) => at));
  await new Promise<void>((resolve) => {
    connection.onPackets((bytes) => {
      for (const packet of splitPackets(bytes)) {
        const sequence = (packet[16] as number) | ((packet[17] as number) << 8);
        assert.deepEqual(packet, packetOf(PAYLOAD_BYTES, sequence));
        missing.delete(sequence);
      }
      if (missing.size === 0) resolve();
    });
    process.stdout.write("listening\n");
  });
  process.stdout.write(`${PACKETS} intact\n`);
}

/** Two network namespaces with an Ethernet between them, removed when disposed of. */
class VethPair implements AsyncDisposable {
  readonly near = `meander-${process.pid}-a`;
  readonly far = `meander-${process.pid}-b`;
  readonly #children: ChildProcess[] = [];

  /** Undefined where namespaces cannot be made. */
  static async create(): Promise<VethPair | undefined> {
    const pair = new VethPair();
    try {
      await pair.#build();
      return pair;
    } catch {
      await pair[Symbol.asyncDispose]();
      return undefined;
    }
  }

  run(namespace: string, stack: string, role: string): ChildProcess {
    const self = fileURLToPath(import.meta.url);
    const child = spawn("ip", ["netns", "exec", namespace, process.execPath, self, stack, role], {
      stdio: ["ignore", "pipe", "inherit"],
      // The child runs no tests.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    });
    this.#children.push(child);
    return child;
  }

  /** Fragments that the kernel has made of packets sent from `namespace`. */
  async fragmentsMade(namespace: string): Promise<number> {
    const text = await ip("netns", "exec", namespace, "cat", "/proc/net/snmp");
    const [names, values] = text.split("\n").filter((line) => line.startsWith("Ip:"));
    const column = names?.split(" ").indexOf("FragCreates") ?? -1;
    const count = Number(values?.split(" ")[column]);
    assert(Number.isInteger(count), "the kernel counts the fragments it makes");
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill();
    for (const namespace of [this.near, this.far]) {
      await ip("netns", "delete", namespace).catch(() => "");
    }
  }

  async #build(): Promise<void> {
    const { near, far } = this;
    await ip("netns", "add", near);
    await ip("netns", "add", far);
    await ip(
      "-n",
      near,
      "link",
      "add",
      "eth0",
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      far,
    );
    for (const [namespace, { host }] of [
      [near, NEAR],
      [far, FAR],
    ] as const) {
      await ip("-n", namespace, "address", "add", `${host}/24`, "dev", "eth0");
      await ip("-n", namespace, "link", "set", "eth0", "mtu", "1500", "up");
    }
  }
}

async function ip(...parameters: readonly string[]): Promise<string> {
  return (await promisify(execFile)("ip", parameters)).stdout;
}

const lines = new WeakMap<ChildProcess, AsyncIterator<string>>();

/** The next line that `child` prints. */
async function nextLine(child: ChildProcess): Promise<string | undefined> {
  assert(child.stdout !== null, "the child's output is a pipe");
  const reader =
    lines.get(child) ?? createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  lines.set(child, reader);
  const { value, done } = await reader.next();
  return done === true ? undefined : value;
}
