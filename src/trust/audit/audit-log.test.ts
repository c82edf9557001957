import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { encodeAuditLine, parseAuditLine } from "./audit-line.ts";
import { AuditLog } from "./audit-log.ts";
import type { AuditFacts, AuditRecord } from "./audit-record.ts";
import type { AuditStore } from "./audit-store.ts";

/** Files in memory, which take what they are given when they are told to. */
class FakeStore implements AuditStore {
  /** The newest first. */
  files: string[] = [""];
  /** Undefined: it takes everything at once. */
  fault: Error | undefined;
  isSlow = false;
  #go: (() => void) | undefined;

  get bytes(): number {
    return new TextEncoder().encode(this.files[0]).byteLength;
  }

  async append(lines: Uint8Array): Promise<void> {
    if (this.isSlow) await new Promise<void>((resolve) => (this.#go = resolve));
    if (this.fault !== undefined) throw this.fault;
    this.files[0] += new TextDecoder().decode(lines);
  }

  async rotate(): Promise<void> {
    this.files = ["", ...this.files].slice(0, LIMITS.auditFilesMax);
  }

  async *read(): AsyncGenerator<readonly string[]> {
    for (const file of this.files) yield file.split("\n").reverse();
  }

  /** It takes what it was given. */
  go(): void {
    this.isSlow = false;
    this.#go?.();
  }

  get records(): AuditRecord[] {
    const lines = [...this.files].reverse().join("").split("\n");
    return lines.flatMap((line) => parseAuditLine(line) ?? []);
  }
}

interface Rig {
  readonly clock: VirtualClock;
  readonly store: FakeStore;
  readonly log: AuditLog;
  readonly faults: (string | undefined)[];
}

async function rig(store = new FakeStore(), clock = new VirtualClock()): Promise<Rig> {
  const faults: (string | undefined)[] = [];
  const log = await AuditLog.open({
    ...{ site: "north", clock, store, describe: (error) => (error as Error).message },
    onFault: (reason) => faults.push(reason),
  });
  return { clock, store, log, faults };
}

function act(number: number, more: Partial<AuditFacts> = {}): AuditFacts {
  const by = `subject:user${number % 10}`;
  return {
    by,
    what: "stream.move",
    on: `stream s${number}`,
    verdict: "allowed",
    rule: "p",
    ...more,
  };
}

/** Lets everything that is ready go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("[A50] records are numbered, written in order, and there after a restart, from where the numbers go on", async () => {
  const { clock, store, log } = await rig();
  for (let number = 1; number <= 5; number++) log.note(act(number));
  await log.close();
  assert.deepEqual(
    store.records.map(({ number, on, site }) => [number, on, site]),
    [1, 2, 3, 4, 5].map((number) => [number, `stream s${number}`, "north"]),
  );
  const again = await rig(store, clock);
  again.log.note(act(6));
  const { records, next } = await again.log.find({ limit: 3 });
  assert.deepEqual(
    records.map(({ number }) => number),
    [4, 5, 6],
  );
  assert.equal(next, 6);
  await again.log.close();
  assert.equal(store.records.at(-1)?.number, 6);
});

test("[A50] a torn line, and one of another version, are passed over", async () => {
  const store = new FakeStore();
  const line = encodeAuditLine({ ...act(1), number: 1, at: 0, site: "north" });
  store.files = [`${line}${line.slice(0, 30)}\n{"v":2}\n`];
  const { log } = await rig(store);
  log.note(act(2));
  await log.close();
  assert.deepEqual(
    store.records.map(({ number }) => number),
    [1, 2],
  );
});

test("[A54] no act waits for a store that takes nothing; what it could not take in time is counted, and told", async () => {
  const { clock, store, log } = await rig();
  store.isSlow = true;
  const extra = 40;
  for (let number = 1; number <= LIMITS.auditRecordsMax + extra + 1; number++)
    log.note(act(number));
  await settle();
  assert.equal(store.records.length, 0);
  clock.advance(5_000);
  store.go();
  await settle();
  const { records, lost } = log.counts;
  // The first was being written all the time.
  assert.equal(lost, extra);
  assert.equal(records.allowed, LIMITS.auditRecordsMax + extra + 1);
  const told = store.records.at(-1);
  assert.deepEqual([told?.what, told?.count, told?.verdict], ["audit.lost", extra, "failed"]);
  assert.equal(store.records.length, LIMITS.auditRecordsMax + 2);
  await log.close();
});

test("[A54] a store that refuses is a fault that is told once, and tried again; the newest records get in then", async () => {
  const { clock, store, log, faults } = await rig();
  log.note(act(1));
  await settle();
  store.fault = new Error("the disk is full");
  for (let number = 2; number <= 10; number++) {
    log.note(act(number));
    await settle();
    clock.advance(1_000);
  }
  await settle();
  assert.deepEqual(faults, ["the disk is full"]);
  assert.equal(log.fault, "the disk is full");
  assert.equal(log.counts.lost, 0, "they wait in memory");
  assert.equal((await log.find({ limit: 100 })).records.length, 10);
  for (let number = 11; number <= LIMITS.auditRecordsMax + 51; number++) log.note(act(number));
  await settle();
  assert.equal(log.counts.lost, 50);
  store.fault = undefined;
  clock.advance(1_000);
  await settle();
  assert.deepEqual(faults, ["the disk is full", undefined]);
  const told = store.records.at(-1);
  assert.deepEqual([told?.what, told?.count], ["audit.lost", 50]);
  assert.deepEqual(
    store.records.slice(0, 2).map(({ number }) => number),
    [1, 52],
  );
  assert.equal(log.counts.lost, 50);
  await log.close();
});

test("[A54] what was being written when the store refused may have left the memory: it is lost, and counted", async () => {
  const { store, log } = await rig();
  store.isSlow = true;
  log.note(act(1));
  await settle();
  for (let number = 2; number <= LIMITS.auditRecordsMax + 1; number++) log.note(act(number));
  store.fault = new Error("the disk is full");
  store.go();
  await settle();
  assert.equal(log.counts.lost, 1);
  await log.close();
});

test("[A50] a file that is full is followed by another, and the oldest goes", async () => {
  const { store, log } = await rig();
  const long = "x".repeat(180);
  store.files = [`${"y".repeat(LIMITS.auditFileBytesMax - 100)}\n`];
  for (let number = 1; number <= 20; number++) log.note(act(number, { reason: long }));
  await settle();
  assert.equal(store.files.length, 2);
  assert.equal(store.records.length, 20);
  await log.close();
});

test("[A53] records are found by who, what, on what, verdict and time, also those that only the store has", async () => {
  const { clock, store, log } = await rig();
  for (let number = 1; number <= LIMITS.auditRecordsMax + 500; number++) {
    const verdict = number % 100 === 0 ? "denied" : "allowed";
    log.note(act(number, number % 7 === 0 ? { what: "token.create", verdict } : { verdict }));
    clock.advance(1_000);
    if (number % 200 === 0) await settle();
  }
  await settle();
  assert.equal(store.records.length, LIMITS.auditRecordsMax + 500);
  const numbers = async (query: Omit<Parameters<AuditLog["find"]>[0], "limit">, limit = 1_000) =>
    (await log.find({ ...query, limit })).records.map(({ number }) => number);
  const denied = await numbers({ denied: true });
  assert.deepEqual([denied.length, denied[0]], [15, 100]);
  assert.equal((await numbers({ by: "subject:user3" })).length, 150);
  assert.equal((await numbers({ by: "user3" })).length, 150);
  assert.equal((await numbers({ by: "subject:*" }, 700)).length, 700);
  assert.deepEqual(await numbers({ what: "token.*", denied: true }), [700, 1_400]);
  assert.deepEqual(await numbers({ on: "s1499" }), [1_499]);
  const at = clock.wall() - 1_495_000;
  assert.deepEqual(await numbers({ until: at }), [1, 2, 3, 4, 5, 6]);
  assert.equal((await numbers({ since: clock.wall() - 60_000 })).length, 60);
  assert.deepEqual(await numbers({ since: at, until: at + 1_000 }), [6, 7]);
  const cut = await log.find({ limit: 10 });
  assert.deepEqual([cut.more, cut.next, cut.records[0]?.number], [true, 1_500, 1_491]);
  const first = await log.find({ after: 0, limit: 2 });
  assert.deepEqual(
    [first.more, first.next, first.records.map(({ number }) => number)],
    [true, 2, [1, 2]],
  );
  const later = await log.find({ after: 1_498, denied: true, limit: 10 });
  assert.deepEqual([later.more, later.next, later.records.length], [false, 1_500, 1]);
  await log.close();
});

test("[A53] who follows the log gets every record once, whatever it asks for in between", async () => {
  const { log } = await rig();
  const seen: number[] = [];
  let after = 0;
  for (let number = 1; number <= 300; number++) {
    log.note(act(number));
    if (number % 7 !== 0) continue;
    const page = await log.find({ after, limit: 5 });
    seen.push(...page.records.map((record) => record.number));
    after = page.next;
  }
  for (;;) {
    const page = await log.find({ after, limit: 5 });
    if (page.records.length === 0) break;
    seen.push(...page.records.map((record) => record.number));
    after = page.next;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 300 }, (_, index) => index + 1),
  );
  await log.close();
});

test("[A53] labels are found, and a principal is told from a label of the same name", async () => {
  const { log } = await rig();
  log.note(act(1, { by: "subject:deploy" }));
  log.note(act(2, { by: "anonymous", label: "deploy" }));
  const whos = async (by: string): Promise<number> =>
    (await log.find({ by, limit: 9 })).records.length;
  assert.deepEqual([await whos("deploy"), await whos("subject:deploy")], [2, 1]);
  await log.close();
});

test("a log without a store has the newest in memory, and loses nothing that it has", async () => {
  const clock = new VirtualClock();
  const log = await AuditLog.open({ site: "north", clock, store: undefined, describe: String });
  for (let number = 1; number <= LIMITS.auditRecordsMax + 10; number++) log.note(act(number));
  assert.equal((await log.find({ limit: 1_000 })).records.length, LIMITS.auditRecordsMax);
  assert.equal(log.counts.lost, 0);
  await log.close();
  log.note(act(1));
  assert.equal(log.counts.records.allowed, LIMITS.auditRecordsMax + 10);
});
