import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import { ChangeRecorder } from "../change-recorder.conformance.ts";
import type { EmbeddedDirectory } from "./embedded-directory.ts";

/** Where a directory is kept; it can be opened there again and again. */
export interface DirectoryPlace extends Disposable {
  open(clock?: VirtualClock): Promise<EmbeddedDirectory>;
}

/** What every embedded directory must do when it is opened again: [D13], [D14]. A store's test file calls this. */
export function restartConformance(name: string, makePlace: () => DirectoryPlace): void {
  test(`${name}: [D13] keys, revisions, blobs and the directory's name are there after a restart`, async () => {
    using place = makePlace();
    const first = await place.open();
    await first.put("a", { deep: [1] });
    const revision = await first.put("b", "two");
    const blob = await first.putBlob(Uint8Array.of(1, 2, 3));
    const { id } = first;
    await first[Symbol.asyncDispose]();
    await using second = await place.open();
    assert.equal(second.id, id);
    assert.deepEqual(
      (await second.list("")).map((entry) => entry.value),
      [{ deep: [1] }, "two"],
    );
    assert.equal((await second.get("b"))?.revision, revision);
    assert.deepEqual(await second.getBlob(blob), Uint8Array.of(1, 2, 3));
    assert.ok((await second.put("c", 3)) > revision);
  });

  test(`${name}: [D14] after a restart leases have their whole time to be renewed, then their keys go`, async () => {
    using place = makePlace();
    const first = await place.open();
    const lost = await first.grantLease(1_000);
    const kept = await first.grantLease(1_000);
    await first.put("s/lost", 1, { lease: lost });
    await first.put("s/kept", 1, { lease: kept });
    await first[Symbol.asyncDispose]();
    const clock = new VirtualClock();
    await using second = await place.open(clock);
    clock.advance(900);
    await second.renewLease(kept);
    assert.equal((await second.list("s/")).length, 2);
    const told = new ChangeRecorder();
    await second.watch("s/", told.listener);
    clock.advance(100);
    await told.count(4);
    assert.deepEqual(told.short.slice(3), ["-s/lost"]);
    await second.revokeLease(kept);
    assert.deepEqual(await second.list("s/"), []);
  });

  test(`${name}: [D14] a lease that ended is gone after a restart, too`, async () => {
    using place = makePlace();
    const clock = new VirtualClock();
    const first = await place.open(clock);
    const lease = await first.grantLease(1_000);
    await first.put("s/a", 1, { lease });
    clock.advance(1_000);
    await first[Symbol.asyncDispose]();
    await using second = await place.open();
    await assert.rejects(second.renewLease(lease), { code: "directory-lease-gone" });
    assert.deepEqual(await second.list(""), []);
  });
}
