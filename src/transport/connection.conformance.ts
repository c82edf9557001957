import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import { encodePacket, HEADER_BYTES, KIND, splitPackets } from "../wire/index.ts";

/** Two ends of one connection, and what the suite may do to them. */
export interface ConnectionPair extends AsyncDisposable {
  readonly left: Connection;
  readonly right: Connection;
  /** Sends `bytes` to `left` unchecked, as a hostile peer would. */
  readonly inject: (bytes: Uint8Array) => void;
  /** Makes `right` vanish without a word; only for reliable connections. */
  readonly vanish?: () => void;
  /** Moves the clock of `left` on. */
  readonly advance: (ms: number) => void;
}

/** A packet with recognisable contents. */
export function packetOf(payloadBytes: number, sequence = 0): Uint8Array {
  const payload = new Uint8Array(payloadBytes);
  for (let at = 0; at < payloadBytes; at++) payload[at] = sequence + at * 31 + (at >> 8);
  const ids = { channel: 7, source: 9, medium: 2, sourceGeneration: 1, sequence };
  return encodePacket({ kind: KIND.rtp, flags: 0, ...ids }, payload);
}

/** What arrives at one end, packet by packet. */
export class Received {
  readonly packets: Uint8Array[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(connection: Connection) {
    connection.onPackets((bytes) => {
      this.packets.push(...splitPackets(bytes));
      if (this.#waiting !== undefined && this.packets.length >= this.#waiting.count) {
        this.#waiting.resolve();
      }
    });
  }

  /** Settles when there are `count` packets. */
  async reach(count: number): Promise<Uint8Array[]> {
    if (this.packets.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = { count, resolve };
      });
    }
    return this.packets;
  }
}

/** What kind of connection it is: some rules are for some kinds. */
export interface ConnectionTraits {
  readonly reliable: boolean;
  readonly coalesces: boolean;
  /** Whether packets are found again behind bytes that are none. */
  readonly recovers: boolean;
}

/** What every {@link Connection} must do. docs/spec/stack.md [T1]-[T11]. */
export function connectionConformance(
  name: string,
  { reliable, coalesces, recovers }: ConnectionTraits,
  open: () => Promise<ConnectionPair>,
): void {
  /** A test on a fresh pair, ended whatever happens. */
  const rule = (title: string, check: (pair: ConnectionPair) => Promise<void>): void => {
    test(`${name}: ${title}`, { timeout: 20_000 }, async () => {
      const pair = await open();
      try {
        await check(pair);
      } finally {
        await pair[Symbol.asyncDispose]();
      }
    });
  };

  rule("both ends are named and of the kind that they say", async ({ left, right }) => {
    for (const end of [left, right]) {
      assert.equal(end.reliable, reliable);
      assert.equal(end.coalesces, coalesces);
      assert.match(end.stack, /^((frag|crypt|fault|trace):)*(memory|udp|tcp|websocket)$/);
      assert.match(end.peer, /^(127\.0\.0\.1:\d+|memory:\w+)$/);
    }
  });

  rule("[T1] packets of all sizes arrive whole, both ways", async ({ left, right }) => {
    const [atLeft, atRight] = [new Received(left), new Received(right)];
    const most = Math.min(left.maxBytes, LIMITS.packetBytesMax) - HEADER_BYTES;
    const sent = [0, 1, 100, 1_452, 1_453, 9_000, most].map((bytes, at) => packetOf(bytes, at));
    for (const each of sent) {
      assert.equal(left.send(each), true);
      assert.equal(right.send(each), true);
    }
    assert.deepEqual(await atRight.reach(sent.length), sent);
    assert.deepEqual(await atLeft.reach(sent.length), sent);
    assert.equal(left.malformed + right.malformed, 0);
  });

  rule("[T2] many packets arrive in the order they were sent", async ({ left, right }) => {
    const atRight = new Received(right);
    const sent = Array.from({ length: 500 }, (_, at) => packetOf((at * 37) % 1_200, at));
    for (const each of sent) assert.equal(left.send(each), true);
    assert.deepEqual(await atRight.reach(sent.length), sent);
  });

  if (coalesces) {
    rule("[T3] several packets sent as one arrive as the same packets", async ({ left, right }) => {
      const atRight = new Received(right);
      const sent = Array.from({ length: 300 }, (_, at) => packetOf(at * 3, at));
      assert.equal(left.send(Buffer.concat(sent)), true);
      assert.deepEqual(await atRight.reach(sent.length), sent);
    });
  }

  rule(
    "[T4] more than maxBytes is refused, and the connection stays open",
    async ({ left, right }) => {
      const atRight = new Received(right);
      assert.equal(left.send(new Uint8Array(left.maxBytes + 1)), false);
      const packet = packetOf(10);
      assert.equal(left.send(packet), true);
      assert.deepEqual(await atRight.reach(1), [packet]);
    },
  );

  rule(
    "[T5] what was sent before closing is delivered, then both ends are closed in order",
    async ({ left, right }) => {
      const atRight = new Received(right);
      // On a stream more than kernels hold, so that a part is still with us at closing.
      const bytes = reliable ? 40_000 : 1_000;
      const sent = Array.from({ length: 200 }, (_, at) => packetOf(bytes, at));
      for (const each of sent) assert.equal(left.send(each), true);
      left.close();
      assert.equal(await left.closed, undefined);
      if (right.reliable) assert.equal(await right.closed, undefined);
      assert.deepEqual(await atRight.reach(sent.length), sent);
    },
  );

  rule("[T5] closing again, and from both ends, does nothing more", async ({ left, right }) => {
    for (const each of [left, right]) new Received(each);
    left.close();
    left.close();
    right.close();
    assert.equal(await left.closed, undefined);
    assert.equal(await right.closed, undefined);
    right.close();
  });

  rule("[T6] after closing nothing is taken and nothing is handed up", async ({ left, right }) => {
    const atLeft = new Received(left);
    new Received(right);
    right.send(packetOf(1));
    left.close();
    right.send(packetOf(2));
    assert.equal(left.send(packetOf(3)), false);
    right.close();
    await right.closed;
    assert.deepEqual(atLeft.packets, []);
    assert.equal(right.send(packetOf(4)), false);
  });

  rule("[T6] a handler may close its connection, and gets no more", async ({ left, right }) => {
    let count = 0;
    const closed = new Promise<void>((resolve) => {
      right.onPackets(() => {
        count++;
        right.close();
        resolve();
      });
    });
    for (let at = 0; at < 50; at++) left.send(packetOf(2_000, at));
    await closed;
    await right.closed;
    left.close();
    await left.closed;
    assert.equal(count, 1);
  });

  if (reliable) {
    rule("[T7] a peer that vanishes is seen", async ({ left, right, vanish }) => {
      new Received(left);
      const atRight = new Received(right);
      left.send(packetOf(1));
      await atRight.reach(1);
      vanish?.();
      assert.equal((await left.closed)?.code, "connection-reset");
      assert.equal(left.send(packetOf(2)), false);
    });
  }

  rule("[T8] malformed bytes are counted and never handed up", async (pair) => {
    const { left, right, inject } = pair;
    const atLeft = new Received(left);
    new Received(right);
    const good = packetOf(40);
    inject(good);
    await atLeft.reach(1);
    const wrongVersion = packetOf(40);
    wrongVersion[0] = 0x25;
    inject(wrongVersion);
    inject(Uint8Array.from({ length: 500 }, (_, at) => (at * 97) & 0xff));
    inject(good);
    if (recovers) {
      await atLeft.reach(2);
      assert.equal(left.malformed, 2);
    } else {
      assert.equal((await left.closed)?.code, "wire-malformed");
      assert.equal(left.malformed, 1);
      assert.equal(left.send(good), false);
    }
    assert(atLeft.packets.every((each) => Buffer.compare(each, good) === 0));
  });

  rule(
    "[T9] packets that come before the handler is set are kept, in order",
    async ({ left, right }) => {
      // Less than half of what a datagram connection keeps.
      const sent = Array.from({ length: 100 }, (_, at) => packetOf(1_200, at));
      for (const each of sent) assert.equal(left.send(each), true);
      // The other way is used meanwhile: waiting at one end does not hold up the other.
      const atLeft = new Received(left);
      right.send(packetOf(1));
      await atLeft.reach(1);
      const atRight = new Received(right);
      assert.deepEqual(atRight.packets, []);
      assert.deepEqual(await atRight.reach(sent.length), sent);
      const more = packetOf(5, 5);
      left.send(more);
      assert.deepEqual((await atRight.reach(sent.length + 1)).at(-1), more);
    },
  );

  rule("[T10] a reader that keeps up leaves no backlog", async ({ left, right }) => {
    const atRight = new Received(right);
    assert.deepEqual(left.backlog(), { bytes: 0, oldestMs: 0 });
    left.send(packetOf(1_000));
    await atRight.reach(1);
    assert.deepEqual(left.backlog(), { bytes: 0, oldestMs: 0 });
  });

  if (!reliable) {
    rule(
      "[T10] a datagram connection has no backlog, whether or not its peer reads",
      async ({ left }) => {
        for (let at = 0; at < 100; at++) left.send(packetOf(1_000, at));
        assert.deepEqual(left.backlog(), { bytes: 0, oldestMs: 0 });
      },
    );
  }

  if (reliable) {
    rule(
      "[T10] a reader that never reads is reported, and refused past the bound",
      async (pair) => {
        const { left, right, advance } = pair;
        const packet = packetOf(60_000);
        // Kernel buffers hide some megabytes, never this much.
        const takenMax = 64 * 1024 * 1024;
        let taken = 0;
        while (taken < takenMax && left.send(packet)) taken += packet.byteLength;
        assert(taken < takenMax, "the sender is refused at some time");
        const { bytes } = left.backlog();
        assert(bytes > LIMITS.backlogBytesMax - 2 * packet.byteLength);
        assert(bytes <= LIMITS.backlogBytesMax + packet.byteLength);
        advance(1_234);
        const { oldestMs } = left.backlog();
        assert(oldestMs >= 1_234 && oldestMs < 1_300, `the oldest is ${oldestMs} ms old`);

        const atRight = new Received(right);
        await atRight.reach(taken / packet.byteLength);
        assert(atRight.packets.every((each) => Buffer.compare(each, packet) === 0));
        assert.deepEqual(left.backlog(), { bytes: 0, oldestMs: 0 });
      },
    );
  }

  rule("[T11] what was handed up is not changed by what comes later", async ({ left, right }) => {
    const atRight = new Received(right);
    left.send(packetOf(500, 1));
    const [first] = await atRight.reach(1);
    for (let at = 2; at < 300; at++) left.send(packetOf(500, at));
    await atRight.reach(299);
    assert.deepEqual(first, packetOf(500, 1));
    assert.equal(Object.getPrototypeOf(first), Uint8Array.prototype);
  });
}
