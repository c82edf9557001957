import assert from "node:assert/strict";
import { fstatSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type Log, type LogFields, logOver, SILENT } from "../../base/index.ts";
import { isJournal } from "./is-journal.ts";
import { gatedLog, LogGate } from "./log-gate.ts";
import { journalLine, jsonLine, type LogLine, parseJsonLine, terminalLine } from "./log-lines.ts";

const AT = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();

function linesOf(format: (line: LogLine) => string): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = logOver((severity, message, fields) => {
    lines.push(format({ severity, site: "north", at: AT, message, fields }));
  });
  return { log, lines };
}

test("a gate passes its level and graver ones, also in logs made before it changed", () => {
  const { log: inner, lines } = linesOf(({ message }) => message);
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
  assert.equal(SILENT.child({}), SILENT);
});

test("a JSON line has each key once, whichever logs the field came through", () => {
  const { log, lines } = linesOf(jsonLine);
  const child = gatedLog(log.child({ peer: "south", stack: "tcp" }), new LogGate("debug"));
  child.child({ stack: "udp" }).warn("A link broke.", { peer: "middle", count: 2 });
  assert.deepEqual(lines, [
    `{"level":40,"time":${AT},"site":"north","peer":"middle","stack":"udp","count":2,"msg":"A link broke."}\n`,
  ]);
});

test("no field can replace or repeat what the log itself says", () => {
  const name = fc.oneof(fc.constantFrom("site", "level", "time", "msg", "__proto__"), fc.string());
  fc.assert(
    fc.property(fc.dictionary(name, fc.jsonValue()), (fields) => {
      const { log, lines } = linesOf(jsonLine);
      log.child(fields as LogFields).info("Done.", fields as LogFields);
      const [text = ""] = lines;
      const parsed = JSON.parse(text) as Record<string, unknown>;
      assert.deepEqual(
        [parsed["site"], parsed["level"], parsed["time"], parsed["msg"]],
        ["north", 30, AT, "Done."],
      );
      // Written again from what was read, it is as long only if no key was there twice.
      assert.equal(`${JSON.stringify(parsed)}\n`.length, text.length);
    }),
  );
});

test("values that JSON cannot say are written as text", () => {
  const { log, lines } = linesOf(jsonLine);
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.error("Odd.", { circle, big: 5n, plain: 1 });
  assert.match(lines[0] ?? "", /"circle":"\[object Object\]","big":"5","plain":1,"msg":"Odd\."/);
});

test("a JSON line is read back, and other text is not", () => {
  const line: LogLine = { severity: "warn", site: "north", at: AT, message: "x", fields: { a: 1 } };
  assert.deepEqual(parseJsonLine(jsonLine(line)), line);
  for (const text of ["", "error: no", "null", "[]", "{}", '{"level":30,"time":1,"site":2}']) {
    assert.equal(parseJsonLine(text), undefined, text);
  }
});

test("lines for the journal begin with their priority and are one line each", () => {
  const { log, lines } = linesOf(journalLine);
  log.info("The site is up.", { url: "http://127.0.0.1:7000", left: undefined });
  log.warn("Odd.", { words: 'two "words"', count: 3 });
  log.error("Broken:\nhere");
  log.debug("x");
  assert.deepEqual(lines, [
    "<6>The site is up. url=http://127.0.0.1:7000\n",
    '<4>Odd. words="two \\"words\\"" count=3\n',
    "<3>Broken: ⏎ here\n",
    "<7>x\n",
  ]);
});

test("lines for a terminal say when, how grave, which site, and what, with colours where wanted", () => {
  const line: LogLine = {
    ...{ severity: "warn", site: "north", at: AT, message: "A link broke." },
    fields: { peer: "south" },
  };
  assert.equal(terminalLine(line, false), "03:04:05.006 warn  north: A link broke. peer=south\n");
  assert.equal(
    terminalLine(line, true),
    "03:04:05.006 \x1b[33mwarn \x1b[0m \x1b[36mnorth\x1b[0m: A link broke.\x1b[2m peer=south\x1b[0m\n",
  );
});

test("standard error is the journal when systemd says so", () => {
  const { dev, ino } = fstatSync(2, { bigint: true });
  assert.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }), true);
  assert.equal(isJournal({ JOURNAL_STREAM: "8:1" }), false);
  assert.equal(isJournal({}), false);
  assert.equal(isJournal({ JOURNAL_STREAM: "8:1" }, 4_000), false);
});
