import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ELSEWHERE, HERE, THERE } from "./bench-context.test.support.ts";
import { type Location, Locations } from "./locations.ts";
import { SHELL_ID_MIN } from "./model.ts";

const at = (streamEpoch: number, siteInstance = HERE, live = true): Location => ({
  id: 7,
  name: "foo",
  siteInstance,
  streamEpoch,
  live,
});

test("[M9] a stream is where its highest epoch says, in whatever order one is told", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (epochs) => {
      const locations = new Locations();
      for (const epoch of epochs)
        locations.setStream(at(epoch, { site: `s${epoch}`, instance: epoch }));
      const highest = Math.max(...epochs);
      assert.equal(locations.stream(7)?.streamEpoch, highest);
      assert.equal(locations.stream(7)?.siteInstance.site, `s${highest}`);
    }),
  );
});

test("[M9] what is not new changes nothing; that a stream was lost, or is back, is new", () => {
  const locations = new Locations();
  assert.ok(locations.setStream(at(2)));
  assert.ok(!locations.setStream(at(2)));
  assert.ok(!locations.setStream(at(1, THERE)));
  assert.ok(locations.setStream(at(2, HERE, false)));
  assert.ok(locations.setStream(at(2)));
  assert.ok(locations.setStream(at(2, ELSEWHERE)), "the same epoch elsewhere");
});

test("[M31] a reply box is where its owner is", () => {
  const locations = new Locations();
  locations.setStream(at(3));
  assert.deepEqual(locations.get(-7), locations.get(7));
  const shell = SHELL_ID_MIN + 5;
  assert.equal(locations.get(shell), undefined);
  locations.setOther(shell, THERE);
  assert.deepEqual(locations.get(-shell), { siteInstance: THERE, streamEpoch: 0, live: true });
  locations.setOther(shell, ELSEWHERE);
  assert.equal(locations.get(shell)?.siteInstance.site, "c");
  locations.removeOther(shell);
  assert.equal(locations.get(shell), undefined);
});

test("a name belongs to the stream that has it now", () => {
  const locations = new Locations();
  locations.setStream(at(1));
  locations.setStream({ ...at(1), id: 8 });
  assert.equal(locations.byName("foo")?.id, 8);
  // The older one goes, and the name stays with the newer.
  assert.equal(locations.removeStream(7)?.id, 7);
  assert.equal(locations.byName("foo")?.id, 8);
  locations.removeStream(8);
  assert.equal(locations.byName("foo"), undefined);
  assert.equal(locations.removeStream(8), undefined);
});
