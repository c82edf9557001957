import assert from "node:assert/strict";
import { fstatSync } from "node:fs";
import { test } from "node:test";
import { type Log, SILENT } from "../../base/index.ts";
import { isJournal, journalLog } from "./journal-log.ts";
import { gatedLog, LogGate } from "./log-gate.ts";

test("a gate lets through its level and what is graver, also for logs made before it changed", () => {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const inner: Log = {
    ...{ debug: note, info: note, warn: note, error: note },
    child: () => inner,
  };
  const gate = new LogGate("warn");
  const log = gatedLog(inner, gate);
  const child = log.child({ part: "x" });
  child.info("a");
  child.error("b");
  gate.level = "debug";
  child.debug("c");
  gate.level = "silent";
  child.error("d");
  assert.deepEqual(lines, ["b", "c"]);
});

test("lines for the journal begin with their priority and are one line each", () => {
  const lines: string[] = [];
  const log = journalLog((text) => void lines.push(text)).child({ site: "north" });
  log.info("The site is up.", { url: "http://127.0.0.1:7000", left: undefined });
  log.warn("Odd.", { words: 'two "words"', count: 3 });
  log.error("Broken:\nhere");
  log.debug("x");
  assert.deepEqual(lines, [
    "<6>The site is up. site=north url=http://127.0.0.1:7000\n",
    '<4>Odd. site=north words="two \\"words\\"" count=3\n',
    "<3>Broken: ⏎ here site=north\n",
    "<7>x site=north\n",
  ]);
  assert.equal(SILENT.child({}), SILENT);
});

test("standard error is the journal when the system says so", () => {
  const { dev, ino } = fstatSync(2, { bigint: true });
  assert.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }), true);
  assert.equal(isJournal({ JOURNAL_STREAM: "8:1" }), false);
  assert.equal(isJournal({}), false);
  assert.equal(isJournal({ JOURNAL_STREAM: "8:1" }, 4_000), false);
});
