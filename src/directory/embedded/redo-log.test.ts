import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Folder } from "./folder.conformance.ts";
import { FRAME_ALIGNMENT } from "./redo-frame.ts";
import { RedoLog } from "./redo-log.ts";

const BYTES = 8 * FRAME_ALIGNMENT;

for (const writeThrough of [true, false]) {
  test(`what was appended is there when it is opened again, ${writeThrough ? "written through" : "flushed"}`, async () => {
    using place = new Place({ writeThrough });
    const log = place.begin();
    assert.equal(statSync(place.path).size, BYTES);
    for (const text of ["a", "b".repeat(2 * FRAME_ALIGNMENT), "c"]) await log.append(bytesOf(text));
    assert.equal(log.sequence, 3);
    assert.deepEqual(place.read(0), ["a", "b".repeat(2 * FRAME_ALIGNMENT), "c"]);
    assert.deepEqual(place.read(0).length, 3, "reading changes nothing");
    assert.deepEqual(place.read(3), []);
    assert.deepEqual(place.read(7), []);
  });
}

test("a payload that does not fit is reported before, and after a restart everything fits", async () => {
  using place = new Place();
  const log = place.begin();
  for (let count = 1; count <= 8; count++) {
    assert.equal(log.fits(4_000), true);
    await log.append(bytesOf(String(count)));
  }
  assert.equal(log.fits(0), false);
  log.restart(log.sequence);
  assert.equal(log.fits(BYTES - 20), true);
  assert.equal(log.fits(BYTES - 19), false);
});

test("frames of earlier turns of the log are not taken for newer ones", async () => {
  using place = new Place();
  const log = place.begin();
  for (const text of ["1", "2", "3", "4", "5"]) await log.append(bytesOf(text));
  log.restart(6);
  assert.deepEqual(place.read(6), []);
  await log.append(bytesOf("7"));
  assert.deepEqual(place.read(6), ["7"]);
  await log.append(bytesOf("8"));
  assert.deepEqual(place.read(6), ["7", "8"]);
});

test("a last frame that is torn anywhere was not confirmed, and those before it are there", async () => {
  using place = new Place();
  const log = place.begin();
  await log.append(bytesOf("1"));
  await log.append(bytesOf("2".repeat(6_000)));
  const whole = readFileSync(place.path);
  for (const [from, to] of [
    [0, 8_192],
    [0, 1],
    [16, 20],
    [4_096, 8_192],
    [6_019, 6_020],
  ] as const) {
    const torn = Uint8Array.from(whole);
    torn.fill(0, FRAME_ALIGNMENT + from, FRAME_ALIGNMENT + to);
    writeFileSync(place.path, torn);
    assert.deepEqual(place.read(0), ["1"], `without ${from} to ${to}`);
  }
  for (const size of [FRAME_ALIGNMENT, FRAME_ALIGNMENT + 100, 2 * FRAME_ALIGNMENT]) {
    writeFileSync(place.path, whole.subarray(0, size));
    assert.deepEqual(place.read(0), ["1"], `cut off at ${size}`);
    assert.equal(statSync(place.path).size, BYTES);
  }
});

test("a damaged frame followed by newer ones is refused with its number", async () => {
  using place = new Place();
  const log = place.begin();
  for (const text of ["1", "2", "3"]) await log.append(bytesOf(text));
  const whole = readFileSync(place.path);
  for (const [at, number] of [
    [3, 1],
    [20, 1],
    [FRAME_ALIGNMENT + 10, 2],
  ] as const) {
    const damaged = Uint8Array.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(place.path, damaged);
    assert.throws(() => place.read(0), {
      code: "directory-unreadable",
      message: new RegExp(`frame ${number} is not there`),
      where: place.path,
    });
  }
  writeFileSync(place.path, whole);
  assert.throws(() => place.read(1), { code: "directory-unreadable" }, "frame 2 is not the first");
  assert.deepEqual(place.read(0), ["1", "2", "3"]);
});

test("a file that cannot be a log is refused", () => {
  using place = new Place();
  assert.throws(() => RedoLog.open({ path: join(place.path, "no", "folder"), after: 0 }), {
    code: "directory-unreadable",
  });
  writeFileSync(place.path, "not a log");
  assert.deepEqual(place.read(0), [], "an unfilled log is the same as none");
});

/** A log in a temporary folder. */
class Place {
  readonly #folder = new Folder();
  readonly #opened: RedoLog[] = [];
  readonly #writeThrough: boolean | undefined;

  constructor({ writeThrough }: { readonly writeThrough?: boolean } = {}) {
    this.#writeThrough = writeThrough;
  }

  get path(): string {
    return join(this.#folder.path, "directory.redo");
  }

  /** Opens the log, to write from its start. */
  begin(): RedoLog {
    const log = this.#open(0).log;
    assert.equal(log.fits(0), false, "frames that were there are needed until the restart");
    log.restart(0);
    return log;
  }

  /** What counts after a frame. */
  read(after: number): string[] {
    return this.#open(after).payloads.map((payload) => new TextDecoder().decode(payload));
  }

  #open(after: number): ReturnType<typeof RedoLog.open> {
    const options = { path: this.path, after, bytes: BYTES, writeThrough: this.#writeThrough };
    const opened = RedoLog.open(options);
    this.#opened.push(opened.log);
    return opened;
  }

  [Symbol.dispose](): void {
    for (const log of this.#opened) log.close();
    this.#folder[Symbol.dispose]();
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
