import assert from "node:assert/strict";
import { test } from "node:test";
import { type Log, SILENT, VirtualClock } from "../../base/index.ts";
import { Farewell } from "./farewell.ts";

const WITHIN_MS = 3_000;

/** A process that only notes what happens to it, in order. */
function world(change: { readonly leave?: () => Promise<unknown> | undefined; log?: Log } = {}) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  let left = (): void => {};
  let failed = (_error: Error): void => {};
  const leaving = new Promise<void>((resolve, reject) => {
    left = resolve;
    failed = reject;
  });
  const farewell = new Farewell({
    clock,
    withinMs: WITHIN_MS,
    log: change.log ?? {
      ...SILENT,
      error: (message, fields) =>
        happened.push(`${message} ${String(fields?.["error"]).split("\n")[0]}`),
    },
    leave: () => {
      happened.push("leave");
      return change.leave === undefined ? leaving : change.leave();
    },
    exit: (code) => happened.push(`exit ${code}`),
  });
  return { clock, farewell, happened, left, failed };
}

/** Lets promises settle. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("an error is told first, then the site leaves, and ends when all have gone on", async () => {
  const { clock, farewell, happened, left } = world();
  farewell.fault("It broke.", new Error("no"));
  assert.deepEqual(happened, ["It broke. Error: no", "leave"]);
  clock.advance(WITHIN_MS - 1);
  await settled();
  assert.equal(happened.length, 2, "it forwards as long as they need it");
  left();
  await settled();
  assert.equal(happened.at(-1), "exit 1");
  clock.advance(WITHIN_MS);
  assert.equal(happened.length, 3, "once");
});

test("it ends at the deadline where somebody does not go on", () => {
  const { clock, farewell, happened } = world();
  farewell.fault("It broke.", new Error("no"));
  clock.advance(WITHIN_MS - 1);
  assert.equal(happened.at(-1), "leave");
  clock.advance(1);
  assert.equal(happened.at(-1), "exit 1");
});

test("without a site, or without a plane that could tell anybody, it ends at once", async () => {
  const starting = world({ leave: () => undefined });
  starting.farewell.fault("It broke.", "no");
  assert.deepEqual(starting.happened, ["It broke. no", "leave", "exit 1"]);

  const gone = world();
  gone.farewell.fault("It broke.", new Error("no"));
  gone.failed(new Error("the plane of this site has ended"));
  await settled();
  assert.equal(gone.happened.at(-1), "exit 1");

  const broken = world({
    leave: () => {
      throw new Error("nor that");
    },
  });
  broken.farewell.fault("It broke.", new Error("no"));
  assert.deepEqual(broken.happened.slice(2), ["The site cannot leave. Error: nor that", "exit 1"]);
});

test("errors that follow do not make it leave again, nor put off the deadline", () => {
  const { clock, farewell, happened } = world();
  farewell.fault("It broke.", new Error("no"));
  clock.advance(WITHIN_MS - 1);
  farewell.fault("It broke.", new Error("again"));
  clock.advance(1);
  assert.deepEqual(happened, [
    ...["It broke. Error: no", "leave"],
    ...["It broke. Error: again", "exit 1"],
  ]);
});

test("errors that follow each other without end do not wait for the deadline", () => {
  const { farewell, happened } = world();
  let count = 0;
  while (!happened.includes("exit 1")) {
    farewell.fault("It broke.", new Error("no"));
    assert.ok(++count <= 20, "it goes round and round");
  }
  assert.ok(count > 1);
  assert.equal(happened.filter((each) => each === "leave").length, 1);
});

test("an error that leaving itself throws is one that follows", () => {
  const { clock, farewell, happened } = world({
    leave: () => {
      farewell.fault("It broke.", new Error("while leaving"));
      return new Promise(() => {});
    },
  });
  farewell.fault("It broke.", new Error("no"));
  clock.advance(WITHIN_MS);
  assert.deepEqual(
    happened.filter((each) => each === "leave" || each === "exit 1"),
    ["leave", "exit 1"],
  );
});

test("a signal ends a site that leaves at once, and is none of its business before", () => {
  const { farewell, happened } = world();
  assert.equal(farewell.interrupt(), false);
  assert.deepEqual(happened, []);
  farewell.fault("It broke.", new Error("no"));
  assert.equal(farewell.interrupt(), true);
  assert.equal(happened.at(-1), "exit 1");
});

test("a log that fails, and what cannot be written, keep no site from leaving", async () => {
  const log: Log = {
    ...SILENT,
    error: () => {
      throw new Error("the disk is full");
    },
  };
  const { farewell, happened, left } = world({ log });
  farewell.fault("It broke.", Object.create(null));
  left();
  await settled();
  assert.deepEqual(happened, ["leave", "exit 1"]);
});
