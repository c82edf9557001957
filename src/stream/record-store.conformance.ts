import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordStore } from "./network.ts";

/**
 * What every {@link RecordStore} must do (docs/spec/streams-network.md). An implementation calls this from its own test
 * file.
 */
export function recordStoreConformance(
  name: string,
  open: () => Promise<{ readonly store: RecordStore } & AsyncDisposable>,
): void {
  const rule = (text: string, body: (store: RecordStore) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      await using under = await open();
      await body(under.store);
    });
  };

  rule("[N30] what was put is there, byte for byte", async (store) => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index * 7);
    await store.put([
      { stream: 1, bytes },
      { stream: 0xffff_ffff, bytes: new Uint8Array() },
    ]);
    assert.deepEqual(await store.get(1), bytes);
    assert.deepEqual(await store.get(0xffff_ffff), new Uint8Array());
    assert.equal(await store.get(2), undefined);
  });

  rule("[N30] the last put counts, within one call, too", async (store) => {
    await store.put([{ stream: 1, bytes: Uint8Array.of(1, 1) }]);
    await store.put([
      { stream: 1, bytes: Uint8Array.of(2) },
      { stream: 1, bytes: Uint8Array.of(3, 3, 3) },
    ]);
    assert.deepEqual(await store.get(1), Uint8Array.of(3, 3, 3));
  });

  rule("[N31] calls are done in order, whether anyone waits for them or not", async (store) => {
    const one = { stream: 1, bytes: Uint8Array.of(1) };
    const two = { stream: 1, bytes: Uint8Array.of(2) };
    const order: string[] = [];
    const note = (word: string) => (): void => void order.push(word);
    const calls = [
      store.put([one]).then(note("put one")),
      store.get(1).then((bytes) => order.push(`got ${bytes}`)),
      store.delete(1).then(note("deleted")),
      store.get(1).then((bytes) => order.push(`got ${bytes}`)),
      store.put([two]).then(note("put two")),
    ];
    const last = await store.get(1);
    await Promise.all(calls);
    assert.deepEqual(last, Uint8Array.of(2));
    assert.deepEqual(
      order.filter((word) => word.startsWith("got")),
      ["got 1", "got undefined"],
    );
    assert.deepEqual(
      order.filter((word) => !word.startsWith("got")),
      ["put one", "deleted", "put two"],
    );
  });

  rule("[N30] a put of nothing, and deleting what is not there, do nothing", async (store) => {
    await store.put([]);
    await store.delete(5);
    assert.equal(await store.get(5), undefined);
  });

  rule("[N30] what was got belongs to the caller", async (store) => {
    await store.put([{ stream: 1, bytes: Uint8Array.of(1, 2) }]);
    const got = await store.get(1);
    got?.fill(9);
    assert.deepEqual(await store.get(1), Uint8Array.of(1, 2));
  });
}
