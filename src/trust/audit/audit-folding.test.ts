import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { AuditFolding } from "./audit-folding.ts";
import { encodeAuditLine } from "./audit-line.ts";
import type { AuditFacts } from "./audit-record.ts";

const MINUTE = 60_000;
const DENIED: AuditFacts = {
  ...{ by: "anonymous", from: "192.0.2.7", what: "channel.watch", on: "channel news" },
  ...{ verdict: "denied", rule: "token-required", reason: "this site requires a token" },
};
const ALLOWED: AuditFacts = {
  ...{ by: "subject:alice", what: "stream.move", on: "stream radio to south" },
  ...{ verdict: "allowed", rule: "policies", ms: 12 },
};

interface Rig {
  readonly clock: VirtualClock;
  readonly folding: AuditFolding;
  readonly kept: AuditFacts[];
}

function rig(): Rig {
  const clock = new VirtualClock();
  const kept: AuditFacts[] = [];
  return { clock, kept, folding: new AuditFolding({ clock, keep: (facts) => kept.push(facts) }) };
}

test("[A51] the first equal acts are kept, and of the others their number", () => {
  const { clock, folding, kept } = rig();
  for (let count = 0; count < 5_315; count++) folding.note(DENIED);
  folding.note({ ...DENIED, on: "channel sports" });
  assert.deepEqual(kept, [DENIED, DENIED, DENIED, { ...DENIED, on: "channel sports" }]);
  clock.advance(LIMITS.auditFoldMs);
  const { count, overMs, ...facts } = kept.at(-1) ?? {};
  assert.deepEqual([count, overMs], [5_312, LIMITS.auditFoldMs]);
  assert.deepEqual(facts, DENIED);
  assert.equal(folding.foldedCount, 5_312);
});

test("[A51] what stopped is kept one by one again, and what goes on is told of less often", () => {
  const { clock, folding, kept } = rig();
  const told = (): number => kept.filter(({ count }) => count !== undefined).length;
  for (let second = 0; second < 600; second++) {
    folding.note(DENIED);
    clock.advance(1_000);
  }
  assert.ok(told() >= 10 && told() <= 14, `${told()}`);
  const sum = kept.reduce((total, { count = 1 }) => total + count, 0);
  assert.ok(sum >= 530, `${sum} of 600 are told of`);
  clock.advance(3 * MINUTE);
  const before = kept.length;
  folding.note(DENIED);
  assert.deepEqual(kept.slice(before), [DENIED]);
});

test("[A51] acts that differ are folded by what they are, beyond the rate of who does them", () => {
  const { clock, folding, kept } = rig();
  for (let count = 0; count < 10_000; count++)
    folding.note({ ...DENIED, on: `channel c${count}`, from: `192.0.2.${count % 250}` });
  assert.equal(kept.length, LIMITS.auditDeniedBurst);
  clock.advance(LIMITS.auditFoldMs);
  const summary = kept.at(-1);
  assert.deepEqual(
    [summary?.by, summary?.what, summary?.on, summary?.count],
    ["anonymous", "channel.watch", "various", 10_000 - LIMITS.auditDeniedBurst],
  );
});

test("[A51] whatever strangers are refused, what others do is kept one by one, and their own refusals too", () => {
  const { folding, kept } = rig();
  for (let count = 0; count < 10_000; count++) {
    folding.note({ ...DENIED, on: `channel c${count}` });
    if (count % 100 !== 0) continue;
    folding.note({ ...ALLOWED, on: `stream s${count}` });
    folding.note({ ...ALLOWED, on: `stream s${count}`, verdict: "denied", rule: "policy session" });
  }
  const own = kept.filter(({ by }) => by === "subject:alice");
  assert.deepEqual(
    [own.filter(({ verdict }) => verdict === "allowed").length, own.length],
    [100, 200],
  );
});

test("[A51] a day of refusals by strangers fills a small part of the files", () => {
  const { clock, folding, kept } = rig();
  const hours = 4;
  for (let second = 0; second < hours * 3_600; second++) {
    for (let each = 0; each < 5; each++) {
      folding.note({ ...DENIED, on: `channel ${second}-${each}` });
      folding.note({ ...DENIED, what: "site.request", on: `PUT /channels/${second}-${each}` });
      folding.note({ ...DENIED, what: "shell.attach", rule: each < 3 ? "token-forged" : "denied" });
    }
    clock.advance(1_000);
  }
  const bytes = kept.reduce((total, facts) => {
    return total + encodeAuditLine({ number: 1e6, at: 1e12, site: "north", ...facts }).length;
  }, 0);
  const perDay = (bytes / hours) * 24;
  assert.ok(perDay < 10_000_000, `${Math.round(perDay)} bytes a day`);
  assert.ok(perDay * 4 < LIMITS.auditFileBytesMax * LIMITS.auditFilesMax);
});

test("[A51] more kinds of acts than are counted apart are counted together", () => {
  const { clock, folding, kept } = rig();
  for (let who = 0; who < 4 * LIMITS.auditFoldsMax; who++)
    for (let count = 0; count < 5; count++) folding.note({ ...DENIED, by: `stream:s${who}` });
  for (let count = 0; count < 200; count++)
    folding.note({ ...DENIED, by: "stream:last", on: `channel c${count}` });
  clock.advance(2 * LIMITS.auditFoldMs);
  const sum = kept.reduce((total, { count = 1 }) => total + count, 0);
  assert.equal(sum, 4 * LIMITS.auditFoldsMax * 5 + 200, "every act is told of");
  assert.ok(kept.some(({ by, count = 0 }) => by === "various" && count >= 100));
});

test("[A52] tokens and keys that stand where a name belongs are not kept, and texts are cut", () => {
  const { folding, kept } = rig();
  const token = `eyJ${"hbGciOiJFZERTQSJ9".repeat(3)}.eyJ${"zdWIi".repeat(20)}.${"Qx3_-".repeat(17)}`;
  const key = "0123456789abcdef".repeat(4);
  const texts = { by: `subject:${token}`, label: key, from: token, on: `channel ${token}` };
  folding.note({ ...ALLOWED, ...texts, token, rule: key, reason: `${"x".repeat(190)}${token}` });
  const [record] = kept;
  assert.ok(record !== undefined);
  const text = JSON.stringify(record);
  for (const part of [...token.split("."), key, "eyJ"]) assert.equal(text.includes(part), false);
  for (const each of Object.values(record))
    assert.ok(typeof each !== "string" || each.length <= LIMITS.auditTextMax);
  folding.note({ ...ALLOWED, on: `stream radio, code ${key}` });
  assert.equal(kept.at(-1)?.on, `stream radio, code ${key}`, "hashes of code are no secrets");
});

test("what is counted is told of at the end", () => {
  const { folding, kept } = rig();
  for (let count = 0; count < 10; count++) folding.note(DENIED);
  folding.close();
  assert.equal(kept.at(-1)?.count, 7);
});
