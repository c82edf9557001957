import assert from "node:assert/strict";
import { LIMITS } from "../base/index.ts";
import type { Rule } from "./directory-under-test.conformance.ts";

/** [D8] */
export function blobsConformance(rule: Rule): void {
  rule("[D8] blobs are found by their sha-256", async ({ directory }) => {
    const abc = await directory.putBlob(new TextEncoder().encode("abc"));
    assert.equal(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.equal(await directory.putBlob(new TextEncoder().encode("abc")), abc);
    assert.deepEqual(await directory.getBlob(abc), new TextEncoder().encode("abc"));
    assert.equal(await directory.getBlob("0".repeat(64)), undefined);
    assert.equal(await directory.getBlob("../etc"), undefined);
    const empty = await directory.putBlob(new Uint8Array());
    assert.deepEqual(await directory.getBlob(empty), new Uint8Array());
  });

  rule(
    "[D8] blobs of several messages come back whole, and too large ones are refused",
    async ({ directory }) => {
      const bytes = Uint8Array.from({ length: 1_500_001 }, (_, index) => (index * 31) & 0xff);
      const [name, other] = await Promise.all([
        directory.putBlob(bytes),
        directory.putBlob(bytes.subarray(1)),
      ]);
      assert.deepEqual(await directory.getBlob(name), bytes);
      assert.deepEqual(await directory.getBlob(other), bytes.subarray(1));
      const large = new Uint8Array(LIMITS.directoryBlobBytesMax + 1);
      await assert.rejects(directory.putBlob(large), { code: "directory-value-too-large" });
    },
  );
}
