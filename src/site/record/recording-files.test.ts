import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import type { RecordRequest } from "../../client/contract/index.ts";
import {
  describeDiskError,
  FilePattern,
  pathBelow,
  SegmentFiles,
} from "../../client/record/index.ts";
import { openBlockingFile } from "../../media/index.ts";
import { parseRouteConfig } from "../../session/index.ts";
import { checkRecordings, recordRequests } from "./record-requests.ts";

const NOON = Date.UTC(2026, 10, 22, 12, 0, 5, 700);

let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "meander-recordings-"));
});

after(() => rmSync(folder, { recursive: true, force: true }));

function request(to: string, more: Partial<RecordRequest> = {}): RecordRequest {
  return {
    ...{ channel: "demo/clip", to, unattended: true, untilEnd: false, onError: "retry" },
    ...{ segmentSeconds: undefined, durationSeconds: undefined },
    ...{ keepSegments: undefined, maxBytes: undefined },
    ...more,
  };
}

const filesOf = (to: string, more: Partial<RecordRequest> = {}): SegmentFiles =>
  new SegmentFiles(request(to, more), new VirtualClock(0, NOON), openBlockingFile);

test("placeholders are the channel, the time in UTC and the number of the file", () => {
  const pattern = new FilePattern("/r/{channel}/a-{time}-{number}.mkv", "demo/clip", "test");
  assert.equal(pattern.path(NOON, 7, 1), "/r/demo_clip/a-20261122T120005Z-0007.mkv");
  assert.equal(pattern.path(NOON, 7, 3), "/r/demo_clip/a-20261122T120005Z-0007-3.mkv");
});

test("placeholders that there are none of, and folders that would change, are refused", () => {
  const refusal = { code: "recording-path" };
  assert.throws(() => new FilePattern("a-{tiem}.mkv", "c", "test"), refusal);
  assert.throws(() => new FilePattern("a-{}.mkv", "c", "test"), refusal);
  assert.throws(() => new FilePattern("{time}/a.mkv", "c", "test"), refusal);
});

test("a configured path stays below its folder", () => {
  assert.equal(pathBelow("/data/recordings", "a/b.mkv", "t"), "/data/recordings/a/b.mkv");
  assert.equal(pathBelow("/data/recordings", "a/../b.mkv", "t"), "/data/recordings/b.mkv");
  assert.equal(pathBelow("/data/recordings", "..b.mkv", "t"), "/data/recordings/..b.mkv");
  assert.equal(pathBelow("/", "/anywhere/b.mkv", "t"), "/anywhere/b.mkv");
  const long = `${"a".repeat(201)}.mkv`;
  for (const path of ["a\0b.mkv", "a\n.mkv", "\x1b[2J.mkv", long])
    assert.throws(() => pathBelow("/data/recordings", path, "t"), { code: "recording-path" }, path);
  for (const path of ["../b.mkv", "/etc/b.mkv", "a/../../b.mkv", ".", "..", "/data/recordings2/b"])
    assert.throws(() => pathBelow("/data/recordings", path, "t"), { code: "recording-path" }, path);
});

test("a configuration names what is wrong with its recordings", () => {
  const routes = (to: string) => parseRouteConfig({ channels: { clip: { record: { to } } } }, "t");
  checkRecordings(routes("{channel}-{time}.webm"), "/data");
  for (const to of ["../a.webm", "a.avi", "a", "{what}.mp4"]) {
    const refusal = { code: "config-invalid", where: "channels.clip.record.to" };
    assert.throws(() => checkRecordings(routes(to), "/data"), refusal, to);
    const { requests, refused } = recordRequests(routes(to), "/data");
    assert.equal(requests.size, 0);
    assert.equal(refused[0]?.channel, "clip");
  }
  const wrong = { channels: { clip: { record: { to: "a.mkv", keepSegment: 3 } } } };
  assert.throws(() => parseRouteConfig(wrong, "t"), /did you mean "keepSegments"/);
});

test("files are made with their folders and never overwritten", () => {
  const files = filesOf(join(folder, "new", "a.mkv"));
  const names = [1, 2, 3].map(() => {
    const { path, file } = files.open();
    file.close();
    return basename(path);
  });
  assert.deepEqual(names, ["a.mkv", "a-2.mkv", "a-3.mkv"]);
  const { path, file } = filesOf(join(folder, "new", "a.mkv")).open();
  file.close();
  assert.equal(basename(path), "a-4.mkv");
});

test("a link does not lead out of the folder of recordings, for writing or for removing", () => {
  const outside = join(folder, "outside");
  const below = join(folder, "inside");
  mkdirSync(outside);
  mkdirSync(below);
  writeFileSync(join(outside, "precious-0001.webm"), "mine");
  writeFileSync(join(outside, "precious-0002.webm"), "mine");
  symlinkSync(outside, join(below, "link"));
  symlinkSync("../outside", join(below, "relative"));
  for (const name of ["link", "relative", "link/deeper"]) {
    const to = join(below, name, "precious-{number}.webm");
    const files = filesOf(to, { below, keepSegments: 1 });
    assert.throws(() => files.open(), { code: "recording-path", where: /link|relative/ }, name);
    assert.throws(() => files.prune(), { code: "recording-path" }, name);
  }
  assert.deepEqual(readdirSync(outside), ["precious-0001.webm", "precious-0002.webm"]);
  mkdirSync(join(below, "real"));
  symlinkSync(join(below, "real"), join(below, "alias"));
  const { path, file } = filesOf(join(below, "alias", "new", "a.mkv"), { below }).open();
  file.close();
  assert.equal(path, join(below, "alias", "new", "a.mkv"));
  assert.ok(
    existsSync(join(below, "real", "new", "a.mkv")),
    "a link within the folder is followed",
  );
  symlinkSync(join(outside, "planted.mkv"), join(below, "b.mkv"));
  const second = filesOf(join(below, "b.mkv"), { below }).open();
  second.file.close();
  assert.equal(basename(second.path), "b-2.mkv", "a file that is a link is not written through");
  assert.equal(existsSync(join(outside, "planted.mkv")), false);
});

test("an attended recording fails at once when it cannot be made", () => {
  const attended = { unattended: false };
  const missing = filesOf(join(folder, "missing", "a.mkv"), attended);
  assert.throws(() => missing.check(), { code: "recording-path" });
  writeFileSync(join(folder, "there.mkv"), "");
  const there = filesOf(join(folder, "there.mkv"), attended);
  assert.throws(() => there.check(), { code: "recording-exists" });
  filesOf(join(folder, "there.mkv")).check();
});

test("the oldest files go, of this recording alone, also those of earlier runs", () => {
  const place = join(folder, "kept");
  mkdirSync(place);
  const write = (name: string, age: number): void => {
    writeFileSync(join(place, name), new Uint8Array(1_000));
    utimesSync(join(place, name), NOON / 1000 - age, NOON / 1000 - age);
  };
  for (let age = 1; age <= 6; age++) write(`clip-20261122T11000${age}Z.mkv`, age);
  write("clip-20261122T110003Z-2.mkv", 3.5);
  for (const other of ["clip-notes.mkv", "clip-20261122T110001Z.mp4", "other-20261122T110001Z.mkv"])
    write(other, 100);
  const to = join(place, "clip-{time}.mkv");
  const gone = filesOf(to, { keepSegments: 5 }).prune();
  assert.deepEqual(gone.map((path) => basename(path)).sort(), [
    "clip-20261122T110005Z.mkv",
    "clip-20261122T110006Z.mkv",
  ]);
  assert.deepEqual(filesOf(to, { maxBytes: 2_500 }).prune().length, 3);
  assert.deepEqual(filesOf(to, { maxBytes: 1 }).prune().length, 1);
  assert.ok(existsSync(join(place, "clip-20261122T110001Z.mkv")), "the newest stays");
  assert.ok(existsSync(join(place, "clip-notes.mkv")));
  assert.deepEqual(filesOf(to).prune(), []);
});

test("what the disk says is told in words", () => {
  const full = Object.assign(new Error("ENOSPC: …"), { code: "ENOSPC" });
  assert.deepEqual(describeDiskError(full), { cause: "ENOSPC", message: "the disk is full" });
  assert.equal(describeDiskError(new Error("something else")).message, "something else");
});

test("a file that is cut off, or taken away, is so on the disk", () => {
  const path = join(folder, "real.mkv");
  const file = openBlockingFile(path);
  void file.write(new Uint8Array(10).fill(1), 0);
  void file.write(new Uint8Array(10).fill(2), 10);
  file.truncate(12);
  file.remove();
  assert.equal(existsSync(path), false);
});
