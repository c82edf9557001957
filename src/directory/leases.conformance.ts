import assert from "node:assert/strict";
import { LIMITS } from "../base/index.ts";
import { ChangeRecorder } from "./change-recorder.conformance.ts";
import type { Rule } from "./directory-under-test.conformance.ts";

/** [D7] */
export function leasesConformance(rule: Rule): void {
  rule("[D7] the keys of a lease are removed when it expires", async ({ directory, clock }) => {
    const lease = await directory.grantLease(1_000);
    assert.equal(lease.ttlMs, 1_000);
    const told = new ChangeRecorder();
    await directory.watch("s/", told.listener);
    await directory.put("s/a", 1, { lease });
    await directory.compareAndSet("s/b", 0, 2, { lease });
    await directory.put("s/c", 3);
    clock.advance(999);
    assert.deepEqual((await directory.list("s/")).length, 3);
    clock.advance(1);
    await told.count(6);
    assert.deepEqual(told.short.slice(4), ["-s/a", "-s/b"]);
    assert.deepEqual(
      (await directory.list("s/")).map((entry) => entry.key),
      ["s/c"],
    );
    await assert.rejects(directory.renewLease(lease), { code: "directory-lease-gone" });
    await assert.rejects(directory.put("s/a", 1, { lease }), { code: "directory-lease-gone" });
  });

  rule("[D7] renewing restarts the time of a lease", async ({ directory, clock }) => {
    const lease = await directory.grantLease(1_000);
    await directory.put("s/a", 1, { lease });
    for (let round = 0; round < 5; round++) {
      clock.advance(900);
      await directory.renewLease(lease);
    }
    assert.ok(await directory.get("s/a"));
    clock.advance(1_000);
    assert.equal(await directory.get("s/a"), undefined);
  });

  rule(
    "[D7] revoking a lease removes its keys at once, and is idempotent",
    async ({ directory }) => {
      const lease = await directory.grantLease(1_000);
      await directory.put("s/a", 1, { lease });
      await directory.revokeLease(lease);
      await directory.revokeLease(lease);
      assert.equal(await directory.get("s/a"), undefined);
      await assert.rejects(directory.renewLease(lease), { code: "directory-lease-gone" });
    },
  );

  rule(
    "[D7] a key belongs to the lease it was last put under, or to none",
    async ({ directory }) => {
      const first = await directory.grantLease(1_000);
      const second = await directory.grantLease(1_000);
      await directory.put("moved", 1, { lease: first });
      await directory.put("moved", 2, { lease: second });
      await directory.put("freed", 1, { lease: first });
      await directory.put("freed", 2);
      await directory.revokeLease(first);
      assert.equal((await directory.get("moved"))?.value, 2);
      assert.equal((await directory.get("freed"))?.value, 2);
      await directory.revokeLease(second);
      assert.equal(await directory.get("moved"), undefined);
      assert.equal((await directory.get("freed"))?.value, 2);
    },
  );

  rule("[D7] a lease has a time within bounds", async ({ directory }) => {
    for (const ttlMs of [0, -1, LIMITS.directoryLeaseMsMin - 1, LIMITS.directoryLeaseMsMax + 1]) {
      await assert.rejects(directory.grantLease(ttlMs), { code: "directory-lease-invalid" });
    }
  });
}
