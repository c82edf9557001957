import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import type { LeaderDirectory } from "../../directory/index.ts";
import { WriteWatch } from "./write-watch.ts";

/** A directory whose writes fail as it is told; everything else of one is not used. */
class FakeDirectory {
  readonly id = "d";
  failure: MeanderError | undefined;
  readonly #written: string[] = [];

  async put(key: string): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    return this.#written.push(key);
  }

  async get(): Promise<undefined> {
    return undefined;
  }
}

test("a directory that refuses writes is a reason until a write succeeds again", async () => {
  const watch = new WriteWatch();
  const fake = new FakeDirectory();
  const directory = watch.watched(fake as unknown as LeaderDirectory);
  assert.equal(directory.id, "d");
  assert.equal(await directory.put("a", 1), 1);
  assert.deepEqual(watch.reasons, []);

  fake.failure = new MeanderError("directory-write-failed", "no space left on the device");
  await assert.rejects(directory.put("b", 1), { code: "directory-write-failed" });
  await directory.get("b");
  assert.deepEqual(watch.reasons, ["the directory refuses writes: no space left on the device"]);

  fake.failure = undefined;
  await directory.put("c", 1);
  assert.deepEqual(watch.reasons, []);
});

test("a write that the caller got wrong says nothing about the directory", async () => {
  const watch = new WriteWatch();
  const fake = new FakeDirectory();
  fake.failure = new MeanderError("directory-key-invalid", "not a key");
  await assert.rejects(watch.watched(fake as unknown as LeaderDirectory).put("//", 1));
  assert.deepEqual(watch.reasons, []);
});
