import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SILENT, VirtualClock } from "../base/index.ts";
import { type DatagramSocketOptions, openDatagramSocket } from "./datagram-socket.ts";
import type { DatagramSocket, Remote } from "./datagrams.ts";

const HOST = "127.0.0.1";

/** Opens sockets on loopback, of one kind. */
export type OpenSocket = (options?: Partial<DatagramSocketOptions>) => Promise<DatagramSocket>;

/** @param fixed what all sockets have in common */
export function opener(fixed: Partial<DatagramSocketOptions>): OpenSocket {
  const common = { host: HOST, port: 0, clock: new VirtualClock(), log: SILENT };
  return (options) => openDatagramSocket({ ...common, ...fixed, ...options });
}

/** Recognisable bytes. */
export function datagramOf(byteLength: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, at) => seed * 7 + at * 31 + (at >> 8));
}

/** What arrives at a socket, kept. */
export class Arrivals {
  readonly datagrams: Uint8Array[] = [];
  readonly senders: Remote[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(socket: DatagramSocket) {
    socket.onDatagram((bytes, from) => {
      this.datagrams.push(socket.keep(bytes));
      this.senders.push(from);
      if (this.#waiting !== undefined && this.datagrams.length >= this.#waiting.count) {
        this.#waiting.resolve();
      }
    });
  }

  /** Settles when there are `count`. */
  async reach(count: number): Promise<Uint8Array[]> {
    if (this.datagrams.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = { count, resolve };
      });
    }
    return this.datagrams;
  }
}

/** What every {@link DatagramSocket} must do. docs/spec/datagrams.md [G1]-[G6]. */
export function datagramsConformance(name: string, open: OpenSocket): void {
  /** A test with a sender and some receivers, closed whatever happens. */
  const rule = (
    title: string,
    count: number,
    check: (sender: DatagramSocket, receivers: DatagramSocket[]) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, { timeout: 20_000 }, async () => {
      const sender = await open();
      const receivers = await Promise.all(Array.from({ length: count }, () => open()));
      try {
        await check(sender, receivers);
      } finally {
        for (const socket of [sender, ...receivers]) await socket[Symbol.asyncDispose]();
      }
    });
  };
  const remotesOf = (sender: DatagramSocket, receivers: readonly DatagramSocket[]): Remote[] =>
    receivers.map(({ host, port }) => sender.remote(host, port));

  rule("[G1] datagrams of all sizes arrive as they were sent", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    const arrivals = new Arrivals(receiver);
    const [to] = remotesOf(sender, [receiver]);
    const sizes = [0, 1, 20, 1_472, 1_473, 9_000, 65_507, 3, 3, 0, 3, 2, 2, 1, 60_000, 60_000, 5];
    const sent = sizes.map((size, at) => datagramOf(size, at));
    for (const each of sent) assert.equal(sender.send(each, to as Remote), true);
    assert.deepEqual(await arrivals.reach(sent.length), sent);
  });

  rule("[G2] to one remote in the order of the calls", 3, async (sender, receivers) => {
    const arrivals = receivers.map((receiver) => new Arrivals(receiver));
    const remotes = remotesOf(sender, receivers);
    const sent: Uint8Array[][] = receivers.map(() => []);
    for (let at = 0; at < 150; at++) {
      const index = (at * 7) % receivers.length;
      const bytes = datagramOf(300 + (at % 5), at);
      sent[index]?.push(bytes);
      sender.send(bytes, remotes[index] as Remote);
    }
    for (const [index, each] of arrivals.entries()) {
      assert.deepEqual(await each.reach(sent[index]?.length ?? 0), sent[index]);
    }
  });

  rule("[G2] more than a batch takes, in one turn", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    const arrivals = new Arrivals(receiver);
    const [to] = remotesOf(sender, [receiver]);
    // Small ones, so that the kernel's buffer holds them all.
    const sent = Array.from({ length: 150 }, (_, at) => datagramOf(100 + ((at * at) % 3), at));
    for (const each of sent) sender.send(each, to as Remote);
    assert.deepEqual(await arrivals.reach(sent.length), sent);
  });

  rule("[G3] a group's datagrams go to every member", 5, async (sender, receivers) => {
    const arrivals = receivers.map((receiver) => new Arrivals(receiver));
    const group = sender.openGroup();
    for (const to of remotesOf(sender, receivers)) group.add(to);
    assert.equal(group.size, 5);
    const sizes = [1_200, 1_200, 1_200, 700, 1_200, 0, 20, 20, 30, 9_000, 60_000];
    const sent = sizes.map((size, at) => datagramOf(size, at));
    for (const each of sent) group.send(each);
    for (const each of arrivals) assert.deepEqual(await each.reach(sent.length), sent);
    group.close();
    assert.equal(group.size, 0);
  });

  rule(
    "[G3] who joins gets what is sent then, who leaves no more",
    2,
    async (sender, receivers) => {
      const [first, second] = receivers.map((receiver) => new Arrivals(receiver));
      const [one, two] = remotesOf(sender, receivers) as [Remote, Remote];
      const group = sender.openGroup();
      group.send(datagramOf(9, 0));
      group.add(one);
      group.send(datagramOf(10, 1));
      group.add(two);
      group.send(datagramOf(10, 2));
      group.delete(one);
      group.send(datagramOf(10, 3));
      group.delete(one);
      group.add(one);
      group.send(datagramOf(10, 4));
      group.close();
      group.send(datagramOf(10, 5));
      group.add(one);
      group.add(two);
      group.send(datagramOf(10, 6));
      const seen = (numbers: readonly number[]) => numbers.map((at) => datagramOf(10, at));
      assert.deepEqual(await first?.reach(4), seen([1, 2, 4, 6]));
      assert.deepEqual(await second?.reach(4), seen([2, 3, 4, 6]));
    },
  );

  rule("[G2] the order holds across groups and single sends", 3, async (sender, receivers) => {
    const arrivals = receivers.map((receiver) => new Arrivals(receiver));
    const remotes = remotesOf(sender, receivers) as [Remote, Remote, Remote];
    const [all, some] = [sender.openGroup(), sender.openGroup()];
    for (const remote of remotes) all.add(remote);
    some.add(remotes[1]);
    const expected: Uint8Array[][] = [[], [], []];
    for (let at = 0; at < 60; at++) {
      const bytes = datagramOf(50, at);
      const isFor = (...indexes: number[]) => {
        for (const index of indexes) expected[index]?.push(bytes);
      };
      switch (at % 4) {
        case 0:
          all.send(bytes);
          isFor(0, 1, 2);
          break;
        case 1:
          some.send(bytes);
          isFor(1);
          break;
        case 2:
          sender.send(bytes, remotes[at % 3] as Remote);
          isFor(at % 3);
          break;
        default:
          all.send(bytes);
          isFor(0, 1, 2);
      }
    }
    for (const [index, each] of arrivals.entries()) {
      assert.deepEqual(await each.reach(expected[index]?.length ?? 0), expected[index]);
    }
  });

  rule("a group grows and shrinks", 40, async (sender, receivers) => {
    const arrivals = receivers.map((receiver) => new Arrivals(receiver));
    const remotes = remotesOf(sender, receivers);
    const group = sender.openGroup();
    const expected: Uint8Array[][] = receivers.map(() => []);
    for (let round = 0; round < 30; round++) {
      const isMember = (index: number) => (index * 13 + round * 7) % 3 !== 0;
      for (const [index, remote] of remotes.entries()) {
        if (round > 0) group.delete(remote);
        if (isMember(index)) group.add(remote);
      }
      const bytes = datagramOf(100, round);
      group.send(bytes);
      for (const [index, list] of expected.entries()) if (isMember(index)) list.push(bytes);
    }
    for (const [index, each] of arrivals.entries()) {
      assert.deepEqual(await each.reach(expected[index]?.length ?? 0), expected[index]);
    }
  });

  rule("[G4] a remote is one object, known when it sends", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    const arrivals = new Arrivals(receiver);
    const [to] = remotesOf(sender, [receiver]) as [Remote];
    const known = receiver.remote(sender.host, sender.port);
    assert.equal(receiver.remote(sender.host, sender.port), known);
    for (let at = 0; at < 20; at++) sender.send(datagramOf(10, at), to);
    await arrivals.reach(20);
    assert(arrivals.senders.every((from) => from === known));
    receiver.release(known);
    sender.send(datagramOf(10, 21), to);
    await arrivals.reach(21);
    assert.equal(arrivals.senders[20], known);
    receiver.release(known);
    for (let at = 0; at < 20; at++) sender.send(datagramOf(10, at), to);
    await arrivals.reach(41);
    for (const from of arrivals.senders.slice(21)) {
      assert.notEqual(from, known);
      assert.deepEqual({ host: from.host, port: from.port }, { host: HOST, port: sender.port });
    }
    // To whom a datagram came from, known or not.
    const answers = new Arrivals(sender);
    receiver.send(datagramOf(4, 4), arrivals.senders[40] as Remote);
    assert.deepEqual(await answers.reach(1), [datagramOf(4, 4)]);
  });

  rule("[G4] impossible remotes are refused", 0, async (sender) => {
    for (const [host, port] of [
      ["127.0.0.1", 0],
      ["127.0.0.1", 65_536],
      ["127.0.0.1", 1.5],
      ["::1", 9],
      ["localhost", 9],
    ] as const) {
      assert.throws(() => sender.remote(host, port), MeanderError);
    }
  });

  rule("[G5] what cannot leave is counted, and all else leaves", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    const arrivals = new Arrivals(receiver);
    const [to] = remotesOf(sender, [receiver]) as [Remote];
    // A loopback socket cannot reach another network.
    const nowhere = sender.remote("203.0.113.1", 9);
    const missed: string[] = [];
    const group = sender.openGroup();
    group.add(nowhere, (reason) => missed.push(reason));
    group.add(to);
    const bytes = datagramOf(70, 1);
    sender.send(bytes, nowhere);
    group.send(bytes);
    group.send(bytes);
    sender.send(new Uint8Array(65_508), to);
    sender.send(bytes, to);
    assert.deepEqual(await arrivals.reach(3), [bytes, bytes, bytes]);
    while (missed.length < 2) await new Promise(setImmediate);
    assert.deepEqual(missed, ["send-failed", "send-failed"]);
    const errors = Object.entries(sender.counts.toJSON());
    const total = errors.reduce((sum, [, count]) => sum + count, 0);
    assert.equal(total, 4, JSON.stringify(errors));
    assert.equal(sender.counts.get("error-EMSGSIZE"), 1);
  });

  rule("[G6] what was sent before closing leaves; nothing after", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    const arrivals = new Arrivals(receiver);
    const [to] = remotesOf(sender, [receiver]) as [Remote];
    const group = sender.openGroup();
    group.add(to);
    sender.send(datagramOf(9, 1), to);
    group.send(datagramOf(9, 2));
    await sender[Symbol.asyncDispose]();
    await sender[Symbol.asyncDispose]();
    assert.equal(sender.send(datagramOf(9, 3), to), false);
    group.send(datagramOf(9, 4));
    sender.flush();
    group.close();
    assert.deepEqual(await arrivals.reach(2), [datagramOf(9, 1), datagramOf(9, 2)]);
  });

  rule("[G6] a handler may close its socket, and gets no more", 1, async (sender, [receiver]) => {
    assert(receiver !== undefined);
    let count = 0;
    const closed = new Promise<void>((resolve) => {
      receiver.onDatagram(() => {
        count++;
        resolve(receiver[Symbol.asyncDispose]());
      });
    });
    const [to] = remotesOf(sender, [receiver]) as [Remote];
    for (let at = 0; at < 20; at++) sender.send(datagramOf(10, at), to);
    sender.flush();
    await closed;
    assert.equal(count, 1);
  });

  test(`${name}: IPv6 addresses are known in every spelling`, async (t) => {
    const here = await open({ host: "::1" }).catch(() => undefined);
    if (here === undefined) return t.skip("IPv6 is not available on loopback");
    const there = await open({ host: "::1" });
    const arrivals = new Arrivals(there);
    const known = there.remote("0:0:0::0:1", here.port);
    for (let at = 0; at < 5; at++) {
      here.send(datagramOf(5, at), here.remote("::0:1", there.port));
    }
    await arrivals.reach(5);
    assert(arrivals.senders.every((from) => from === known));
    assert.equal(known.host, "::1");
    await here[Symbol.asyncDispose]();
    await there[Symbol.asyncDispose]();
  });
}
