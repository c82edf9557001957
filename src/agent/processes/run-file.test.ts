import assert from "node:assert/strict";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  answersIn,
  RECORD_HEAD_BYTES,
  type RecordHead,
  RunFileReader,
  RunFileWriter,
  viewOf,
  writeHead,
} from "./run-file.ts";

const path = join(tmpdir(), `meander-test-${process.pid}.run`);
const descriptor = openSync(path, "wx+", 0o600);
after(() => {
  closeSync(descriptor);
  rmSync(path);
});
const writer = new RunFileWriter(descriptor);
const reader = new RunFileReader(descriptor);

/** Writes a record behind `at`; where the next one goes. */
function put(at: number, head: Omit<RecordHead, "bytes">, answers: string): number {
  const record = Buffer.alloc(RECORD_HEAD_BYTES + answers.length);
  record.write(answers, RECORD_HEAD_BYTES);
  writeHead(record, viewOf(record), 0, { ...head, bytes: answers.length });
  writer.write(record, 0, record.byteLength, at);
  return at + record.byteLength;
}

test("the run file: nothing was written, nothing is left", () => {
  assert.equal(reader.look(), undefined);
  assert.deepEqual(reader.left(0), { last: undefined, answers: Buffer.alloc(0) });
});

test("the run file: the last record says what runs, and all of an unsent letter's answers are left", () => {
  let at = put(0, { letter: 1, running: 3, beats: 1 }, "");
  assert.deepEqual(reader.look(), { letter: 1, bytes: 0, running: 3, beats: 1 });
  at = put(at, { letter: 1, running: 4, beats: 2 }, "one");
  put(at, { letter: 1, running: undefined, beats: 3 }, "two");
  assert.equal(reader.look()?.beats, 3);
  assert.equal(reader.look()?.running, undefined);
  assert.equal(reader.left(0).answers.toString(), "onetwo");
  assert.equal(reader.left(1).answers.toString(), "");
});

test("the run file: of an earlier letter nothing is read that stands behind a shorter one", () => {
  put(0, { letter: 2, running: 7, beats: 4 }, "");
  assert.equal(reader.look()?.running, 7);
  assert.equal(reader.left(0).last?.letter, 2);
  assert.equal(reader.left(0).answers.toString(), "");
});

test("the run file: a record that was not written whole does not count", () => {
  const at = put(0, { letter: 3, running: 1, beats: 5 }, "kept");
  put(at, { letter: 3, running: 2, beats: 6 }, "x".repeat(5_000));
  writeSync(descriptor, "?", 4_096 + at + RECORD_HEAD_BYTES + 4_000);
  const { last, answers } = reader.left(0);
  assert.equal(last?.running, 1);
  assert.equal(answers.toString(), "kept");
});

test("the run file: interruptions are each slot's own", () => {
  reader.interrupt(0, 5);
  reader.interrupt(1_023, 2 ** 30);
  assert.deepEqual(
    [0, 1, 1_023].map((slot) => writer.interruptedUpTo(slot)),
    [5, 0, 2 ** 30],
  );
  assert.equal(reader.left(0).last?.running, 1);
});

test("records: what is not a row of them is told apart", () => {
  assert.equal(answersIn(Buffer.alloc(3)), undefined);
  const record = Buffer.alloc(RECORD_HEAD_BYTES);
  writeHead(record, viewOf(record), 0, { letter: 1, bytes: 0, running: undefined, beats: 1 });
  assert.equal(answersIn(record)?.byteLength, 0);
  record.writeUInt32LE(9, 8);
  assert.equal(answersIn(record), undefined);
});
