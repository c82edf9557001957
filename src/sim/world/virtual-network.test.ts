import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, VirtualClock } from "../../base/index.ts";
import type { Flow } from "./virtual-network.ts";
import { VirtualNetwork } from "./virtual-network.ts";

/** What arrived at `b` and at `a`, which speak every ms from `a` to `b` and back. */
class Talk {
  readonly clock = new VirtualClock(0, 0, { ties: new SeededRandom(1) });
  readonly network = new VirtualNetwork(this.clock, new SeededRandom(2));
  readonly atB: string[] = [];
  readonly atA: string[] = [];
  readonly broken: string[] = [];
  readonly #there: Flow = { at: 0, waiting: [] };
  readonly #back: Flow = { at: 0, waiting: [] };

  constructor() {
    this.network.onBreak((a, b) => this.broken.push(`${a} ${b}`));
  }

  /** One datagram and one piece each way. */
  say(name: string): void {
    const { network } = this;
    network.datagram("a", "b", 10, 0, () => this.atB.push(`datagram ${name}`));
    network.piece("a", "b", 10, this.#there, () => this.atB.push(`piece ${name}`));
    network.datagram("b", "a", 10, 0, () => this.atA.push(`datagram ${name}`));
    network.piece("b", "a", 10, this.#back, () => this.atA.push(`piece ${name}`));
    this.clock.advance(1);
  }
}

test("one direction is cut: datagrams are lost there, pieces come late and in order, and nobody is told", () => {
  const talk = new Talk();
  talk.say("1");
  talk.network.cut("a", "b");
  for (const name of ["2", "3", "4"]) talk.say(name);
  assert.deepEqual(talk.atB.sort(), ["datagram 1", "piece 1"]);
  assert.equal(talk.atA.length, 8, "the other one works");
  assert.deepEqual(
    [
      talk.network.isCut("a", "b"),
      talk.network.isCut("b", "a"),
      talk.network.isReachable("b", "a"),
    ],
    [true, false, false],
  );
  talk.atB.length = 0;
  talk.network.heal("a", "b");
  talk.say("5");
  assert.deepEqual(
    talk.atB.filter((each) => each.startsWith("piece")),
    ["piece 2", "piece 3", "piece 4", "piece 5"],
  );
  assert.deepEqual(
    talk.atB.filter((each) => each.startsWith("datagram")),
    ["datagram 5"],
  );
  assert.deepEqual(talk.broken, []);
});

test("a partition cuts both directions and breaks connections; a repair ends it", () => {
  const talk = new Talk();
  talk.network.partition("b", "a");
  talk.say("1");
  assert.deepEqual([talk.atA, talk.atB, talk.broken], [[], [], ["b a"]]);
  talk.network.repair("a", "b");
  talk.say("2");
  assert.ok(talk.atA.includes("datagram 2") && talk.atB.includes("datagram 2"));
  assert.ok(talk.network.isReachable("a", "b"));
});

test("what is held comes when it is released, datagrams too; a cut meanwhile costs those", () => {
  const talk = new Talk();
  talk.network.hold("a", "b");
  talk.say("1");
  assert.deepEqual([talk.atA, talk.atB], [[], []]);
  talk.network.cut("b", "a");
  talk.network.release("a", "b");
  talk.clock.advance(1);
  assert.deepEqual(talk.atB.sort(), ["datagram 1", "piece 1"]);
  assert.deepEqual(talk.atA, []);
  talk.network.healAll();
  talk.clock.advance(1);
  assert.deepEqual(talk.atA, ["piece 1"]);
});
