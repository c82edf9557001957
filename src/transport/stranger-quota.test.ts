import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "../base/index.ts";
import { type Stranger, StrangerQuota } from "./stranger-quota.ts";

const LIMITS = { all: 8, perAddress: 3, perLoopback: 6, ms: 3_000 };

interface Caller {
  readonly address: string;
  readonly stranger: Stranger;
  /** Why it was cut, each time. */
  readonly cuts: string[];
}

function makeRig(limits = LIMITS) {
  const clock = new VirtualClock();
  const quota = new StrangerQuota(clock, () => limits);
  const enter = (address: string): Caller => {
    const cuts: string[] = [];
    const caller = { address, cuts, stranger: quota.enter(address, (fault) => cuts.push(fault)) };
    return caller;
  };
  return { clock, quota, enter };
}

test("[A21] a stranger that does not show who it is within its time is cut, once", () => {
  const { clock, quota, enter } = makeRig();
  const [silent, known, slow] = [enter("10.0.0.1"), enter("10.0.0.1"), enter("10.0.0.2")];
  clock.advance(2_000);
  known.stranger.done();
  slow.stranger.extend(3_000);
  clock.advance(900);
  assert.deepEqual([silent.cuts, quota.size], [[], 2]);
  clock.advance(500);
  assert.deepEqual([silent.cuts, known.cuts, slow.cuts], [["late"], [], []]);
  clock.advance(10_000);
  assert.deepEqual([silent.cuts, slow.cuts, quota.size], [["late"], ["late"], 0]);
  silent.stranger.done();
  assert.equal(quota.size, 0, "what has left cannot leave again");
});

test("[A21] the oldest stranger of an address makes room for the next one of that address", () => {
  const { enter } = makeRig();
  const other = enter("10.0.0.9");
  const [first, ...rest] = Array.from({ length: 4 }, () => enter("10.0.0.1"));
  assert.deepEqual(first?.cuts, ["crowded"]);
  for (const each of [...rest, other]) assert.deepEqual(each.cuts, []);
});

test("[A21] when all places are taken, the address with most of them gives one up", () => {
  const { enter } = makeRig();
  const lone = enter("10.0.0.1");
  const many = Array.from({ length: 6 }, () => enter("127.0.0.1"));
  const late = enter("10.0.0.2");
  const later = enter("10.0.0.3");
  assert.deepEqual(
    many.map(({ cuts }) => cuts.length),
    [1, 0, 0, 0, 0, 0],
  );
  for (const each of [lone, late, later]) assert.deepEqual(each.cuts, []);
});

test("[A21] an IPv6 client counts with its whole /64, an IPv4 address in IPv6 as itself", () => {
  const { enter } = makeRig();
  const first = enter("2001:db8:1:2::1");
  for (const tail of ["2", "3:4", "ffff:1:2"]) enter(`2001:db8:1:2::${tail}`);
  assert.deepEqual(first.cuts, ["crowded"]);
  const mapped = enter("::ffff:10.0.0.7");
  for (let i = 0; i < 3; i++) enter("10.0.0.7");
  assert.deepEqual(mapped.cuts, ["crowded"]);
});

test("no timer is left when there are no strangers", () => {
  const { clock, quota, enter } = makeRig();
  enter("10.0.0.1").stranger.done();
  clock.advance(1_000);
  enter("10.0.0.1");
  quota.close();
  assert.equal(clock.pending.length, 0);
});

test("whatever comes, places are bounded, and a flood cuts nobody who comes alone from elsewhere", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("enter" as const), host: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant("done" as const), index: fc.nat(200) }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 2_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { clock, quota, enter } = makeRig();
      const callers: Caller[] = [];
      const gone = new Set<Caller>();
      const present = (): Caller[] =>
        callers.filter((each) => each.cuts.length === 0 && !gone.has(each));
      for (const each of steps) {
        const before = present();
        if (each.type === "enter") {
          callers.push(enter(`10.0.0.${each.host}`));
          for (const cut of before.filter(({ cuts }) => cuts.length > 0)) {
            const siblings = before.filter(({ address }) => address === cut.address);
            const most = Math.max(
              ...before.map(
                ({ address }) => before.filter((other) => other.address === address).length,
              ),
            );
            const isOwn = cut.address === callers.at(-1)?.address;
            assert.ok(isOwn || siblings.length === most, "the heaviest gives up a place");
            assert.equal(siblings[0], cut, "the oldest goes");
          }
        } else if (each.type === "wait") clock.advance(each.ms);
        else {
          const caller = callers[each.index % Math.max(1, callers.length)];
          if (caller === undefined) continue;
          caller.stranger.done();
          if (caller.cuts.length === 0) gone.add(caller);
        }
        assert.equal(quota.size, present().length);
        assert.ok(quota.size <= LIMITS.all);
        for (const { cuts } of callers) assert.ok(cuts.length <= 1);
        for (let host = 1; host <= 5; host++) {
          const of = present().filter(({ address }) => address === `10.0.0.${host}`);
          assert.ok(of.length <= LIMITS.perAddress);
        }
      }
    }),
  );
});
