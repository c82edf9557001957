import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TestAccount } from "./test-account.ts";

function accountOf(numbers: readonly number[], run = 1, account = new TestAccount()): TestAccount {
  for (const [index, number] of numbers.entries()) {
    const at = index * 10;
    const mark = { run, number, sentWallMs: at };
    account.add({ mark, atMs: at, wallMs: at + 5, byteLength: 100 });
  }
  return account;
}

const lossOf = (account: TestAccount): number[] => {
  const { lost, received, reordered, repeated } = account.counts;
  return [received, lost, repeated, reordered];
};

test("a receiver counts what did not come, came twice, or came late", () => {
  assert.deepEqual(lossOf(accountOf([5, 6, 7])), [3, 0, 0, 0]);
  assert.deepEqual(lossOf(accountOf([5, 8, 9])), [3, 2, 0, 0]);
  assert.deepEqual(lossOf(accountOf([5, 8, 7, 6, 9])), [5, 0, 0, 2]);
  assert.deepEqual(lossOf(accountOf([5, 6, 5, 6, 6])), [2, 0, 3, 0]);
  assert.deepEqual(lossOf(accountOf([9, 4, 9, 7])), [3, 3, 1, 2]);
});

test("any order of any numbers is counted as a set of them would be", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 120 }), (numbers) => {
      const { firstNumber, lastNumber, lost, received, repeated } = accountOf(numbers).counts;
      const distinct = new Set(numbers);
      const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
      assert.deepEqual([firstNumber, lastNumber], [least, most]);
      assert.equal(received, distinct.size);
      assert.equal(repeated, numbers.length - distinct.size);
      assert.equal(lost, most - least + 1 - distinct.size);
    }),
    { seed: 11 },
  );
});

test("another sender begins anew: what the one before lost stays lost, and the time between them is none", () => {
  const account = accountOf([3, 5], 1);
  accountOf([0, 1, 2], 2, account);
  assert.deepEqual(lossOf(account), [5, 1, 0, 0]);
  const { firstNumber, interArrival, runs } = account.counts;
  assert.deepEqual([runs, firstNumber], [2, 0]);
  assert.deepEqual(interArrival, { p50Ms: 10, p99Ms: 10, maxMs: 10 });
});

test("a gap of a million is counted, and costs no memory for each", () => {
  const account = accountOf([0, 1_000_000]);
  assert.equal(account.counts.lost, 999_999);
  accountOf([999_999, 999_998], 1, account);
  assert.deepEqual(lossOf(account), [4, 999_997, 0, 2]);
});

test("times between arrivals and latency are told with their middle, their worst and the one of a hundred", () => {
  const account = new TestAccount();
  let at = 0;
  for (let number = 0; number <= 1_000; number++) {
    at += number % 100 === 0 ? 250.04 : 33.3;
    const mark = { run: 9, number, sentWallMs: at - (number === 500 ? 70 : 2) };
    account.add({ mark, atMs: at, wallMs: at, byteLength: 5_000 });
  }
  const { bytes, interArrival, latency } = account.counts;
  assert.equal(bytes, 1_001 * 5_000);
  assert.deepEqual([interArrival.p50Ms, interArrival.p99Ms], [33.3, 33.3]);
  assert.ok(Math.abs((interArrival.maxMs ?? 0) - 250.04) < 1e-6);
  assert.deepEqual([latency.p50Ms, latency.p99Ms], [2, 2]);
  assert.ok(Math.abs((latency.maxMs ?? 0) - 70) < 1e-6);
});

test("rates are those of the last second", () => {
  const account = new TestAccount();
  assert.deepEqual(account.rates(0), { bitsPerSecond: 0, packetsPerSecond: 0 });
  for (let number = 0; number < 200; number++) {
    const at = number * 20;
    account.add({ mark: { run: 1, number, sentWallMs: 0 }, atMs: at, wallMs: 0, byteLength: 100 });
  }
  const { bitsPerSecond, packetsPerSecond } = account.rates(4_000);
  assert.deepEqual([bitsPerSecond, packetsPerSecond], [40_000, 50]);
  assert.equal(account.rates(10_000).packetsPerSecond, 0);
  assert.equal(new TestAccount().counts.interArrival.p50Ms, undefined);
});
