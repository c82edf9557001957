// Runs alone: it loads the machine with hundreds of connections a second, and measures memory.
import assert from "node:assert/strict";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { after, afterEach, before, suite, test } from "node:test";
import { LINK_PATH, LINK_UPGRADE } from "../src/transport/index.ts";
import {
  decodeControl,
  encodePacket,
  faultOf,
  KIND,
  kindOf,
  lengthOf,
  payloadOf,
} from "../src/wire/index.ts";
import { churn } from "./support/churn.ts";
import { controlPacket, viewerHello } from "./support/hostile.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const CHANNEL = "busy";
/** Of each kind. */
const READERS = 25;
const WITNESSES = 3;
/** Frames of 3 packets of 1200 bytes, 100 times a second: 2.9 Mbit/s, so that queues fill. */
const SOURCE = { ssrc: 1, payloadBytes: 1_200, frameMs: 10 };
/** Resident memory may grow by this, bytes: readers together would take 25 times what a site may hold for one of them. */
const RSS_GROWTH_MAX = 120e6;
const CHURN_PER_SECOND = 1_000;
const CHURN_SECONDS = 5;

let network: Network;
let source: RtpSource;
let witnesses: Viewer[];

const solo = (): SiteProcess => network.site("solo");

const rssBytes = async (): Promise<number> => (await solo().client.site()).process.rssBytes;

/** How a reader reads. */
type Pace = "nothing" | "a byte a second" | "all, and acknowledges nothing";

/** Subscribes over TCP, and sends heartbeats. */
class Reader {
  readonly name: string;
  readonly pace: Pace;
  /** Settles when the site has ended the connection; only a reader notices that. */
  readonly ended: Promise<void>;
  readonly #socket: Duplex;
  readonly #timer: NodeJS.Timeout;
  readonly #pieces: Buffer[] = [];

  static async open(name: string, pace: Pace): Promise<Reader> {
    const { httpPort: port } = solo();
    const headers = { Connection: "Upgrade", Upgrade: LINK_UPGRADE };
    const asked = request({ host: "127.0.0.1", port, path: LINK_PATH, headers, agent: false });
    asked.end();
    const socket = await new Promise<Duplex>((resolve, reject) => {
      asked.once("error", reject);
      asked.once("upgrade", (_response, upgraded) => resolve(upgraded));
    });
    return new Reader(socket, name, pace);
  }

  private constructor(socket: Duplex, name: string, pace: Pace) {
    this.name = name;
    this.pace = pace;
    this.#socket = socket;
    this.ended = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    socket.pause();
    socket.write(viewerHello(name, Math.floor(Math.random() * 2 ** 32)));
    const wish = { request: 1, channel: CHANNEL, forward: true, resume: [] } as const;
    socket.write(controlPacket({ type: "subscribe", ...wish }));
    const beat = { type: "heartbeat", sentAt: 0, echo: Number.NaN, heldMs: 0 } as const;
    this.#timer = setInterval(() => {
      const byte = pace === "a byte a second" ? (socket.read(1) as Buffer | null) : null;
      if (byte !== null) this.#pieces.push(byte);
      if (socket.writable) socket.write(controlPacket(beat));
    }, 1_000);
    if (pace === "all, and acknowledges nothing") this.#readOn();
  }

  /** Reads everything at last. The reason that the site gave at the end. */
  async reason(): Promise<string | undefined> {
    this.#readOn();
    await this.ended;
    clearInterval(this.#timer);
    return lastWord(Buffer.concat(this.#pieces));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #readOn(): void {
    if (this.#socket.listenerCount("data") > 0) return;
    this.#socket.on("data", (piece: Buffer) => this.#pieces.push(piece));
    this.#socket.resume();
  }
}

/** The code of the `close` that packets end with. */
function lastWord(bytes: Uint8Array): string | undefined {
  let code: string | undefined;
  for (let rest = bytes; faultOf(rest) === undefined; rest = rest.subarray(lengthOf(rest))) {
    if (kindOf(rest) !== KIND.control) continue;
    const message = decodeControl(payloadOf(rest));
    if (typeof message === "object" && message.type === "close") code = message.code;
  }
  return code;
}

/** Names and states of the readers that the site still has. */
async function remaining(): Promise<Map<string, string>> {
  const channel = await channelAt(solo(), CHANNEL);
  return new Map(channel?.subscribers.map(({ name, state }) => [name, state]));
}

for (const [means, more] of [
  ["with native calls", []],
  ["without", ["--no-native"]],
] as const) {
  suite(means, () => {
    before(async () => {
      network = await Network.openWith(more, "solo");
      const { tracks } = await solo().client.publishSdp(CHANNEL, sourceSdp(CHANNEL), {
        ports: "assign",
      });
      source = await RtpSource.start({ ports: [tracks[0]?.rtpPort as number], ...SOURCE });
      witnesses = await Promise.all(
        Array.from({ length: WITNESSES }, (_, i) =>
          Viewer.open(solo().url, CHANNEL, `witness ${i}`),
        ),
      );
      await until("the witnesses", () => witnesses.every(({ received }) => received.length > 300));
    });

    /** After each test the witnesses have received everything, once, and receive more. */
    afterEach(async () => {
      for (const witness of witnesses) {
        const seen = witness.received.length;
        await until("more packets for a witness", () => witness.received.length > seen + 300);
        const { missing, repeated } = witness.account();
        const { gaps } = witness;
        assert.deepEqual({ missing, repeated, gaps }, { missing: 0, repeated: 0, gaps: 0 });
      }
    });

    after(async () => {
      for (const witness of witnesses ?? []) witness.close();
      await source?.stop();
      await network?.[Symbol.asyncDispose]();
    });

    test("readers that read nothing, a byte a second, or acknowledge nothing are skipped, then disconnected, and cost no memory", async (t) => {
      const before = await rssBytes();
      const paces: Pace[] = ["nothing", "a byte a second", "all, and acknowledges nothing"];
      const readers = await Promise.all(
        paces.flatMap((pace) =>
          Array.from({ length: READERS }, (_, i) => Reader.open(`${pace} ${i}`, pace)),
        ),
      );
      t.after(() => {
        for (const reader of readers) reader.close();
      });
      await until("all are skipped", async () => {
        const states = await remaining();
        return readers.every(({ name }) => states.get(name) === "skipping");
      });
      let most = before;
      const reasons: { readonly pace: Pace; readonly reason: Promise<string | undefined> }[] = [];
      const left = new Set(readers);
      await until("all are disconnected", async () => {
        most = Math.max(most, await rssBytes());
        const states = await remaining();
        for (const reader of left) {
          if (states.has(reader.name)) continue;
          left.delete(reader);
          // A reader that begins to read now learns the reason.
          reasons.push({ pace: reader.pace, reason: reader.reason() });
        }
        return left.size === 0;
      });
      t.diagnostic(`memory grew by ${Math.round((most - before) / 1e6)} MB`);
      assert.ok(most - before < RSS_GROWTH_MAX, `grew by ${most - before} bytes`);
      for (const pace of paces) {
        const given = await Promise.all(
          reasons.flatMap((each) => (each.pace === pace ? [each.reason] : [])),
        );
        assert.deepEqual([...new Set(given)], ["too-slow"], pace);
      }
    });

    test("a thousand connections a second that open and close leave nothing behind", async (t) => {
      const before = { rss: await rssBytes(), ...(await solo().client.currentStats()) };
      const upgrade = Buffer.from(
        `GET ${LINK_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: ${LINK_UPGRADE}\r\n\r\n`,
      );
      const wish = { request: 1, channel: CHANNEL, forward: true, resume: [] } as const;
      const subscribe = controlPacket({ type: "subscribe", ...wish });
      const garbage = encodePacket(
        {
          kind: KIND.data,
          flags: 0,
          channel: 9,
          source: 1,
          medium: 3,
          sourceGeneration: 0,
          sequence: 1,
        },
        new Uint8Array(100),
      );
      // How far each gets before it closes: nothing, half a request, an upgrade, a handshake, a subscription.
      const words = [
        new Uint8Array(0),
        upgrade.subarray(0, 30),
        upgrade,
        Buffer.concat([upgrade, viewerHello("churn"), garbage]),
        Buffer.concat([upgrade, viewerHello("churn"), subscribe]),
      ];
      const { httpPort: port } = solo();
      const churning = churn({ port, perSecond: CHURN_PER_SECOND, seconds: CHURN_SECONDS, words });
      let most = before.rss;
      let isOver = false;
      void churning.finally(() => {
        isOver = true;
      });
      await until(
        "it is over",
        async () => {
          most = Math.max(most, await rssBytes());
          return isOver;
        },
        60_000,
      );
      t.diagnostic(`${await churning} connections`);
      await until("all peers have gone", async () => {
        const { peers } = (await solo().client.site()).snapshot;
        return peers.length === WITNESSES;
      });
      await until("all subscribers have gone", async () => (await remaining()).size === WITNESSES);
      await until("all descriptors are free", async () => {
        const { descriptors } = await solo().client.currentStats();
        return (descriptors?.used ?? 0) <= (before.descriptors?.used ?? 0) + 5;
      });
      most = Math.max(most, await rssBytes());
      t.diagnostic(`memory grew by ${Math.round((most - before.rss) / 1e6)} MB`);
      assert.ok(most - before.rss < RSS_GROWTH_MAX, `grew by ${most - before.rss} bytes`);
    });
  });
}
