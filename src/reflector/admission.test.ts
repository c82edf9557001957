import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters, VirtualClock } from "../base/index.ts";
import { nodeCipher } from "../transport/index.ts";
import { Admission, type ViewerPlaces } from "./admission.ts";
import { plainLinks } from "./links/link-security.ts";

function admission(viewerPlaces?: ViewerPlaces): Admission {
  const made = new Admission({
    ...{ clock: new VirtualClock(), drops: new Counters(), channels: [], viewerPlaces },
    security: plainLinks(nodeCipher),
  });
  const limits = { maxSubscribers: 100, maxBitsPerSecond: 1e6 };
  made.configure({ site: "a", instance: 1, linkKey: "k", ...limits });
  return made;
}

test("[W37] a site's room is what its limits leave, and what its machine does", () => {
  const bitsPerSecond = 1e6;
  assert.deepEqual(admission().room(), { subscribers: 100, bitsPerSecond });
  const places = { refusal: undefined, places: 30 };
  assert.deepEqual(admission(places).room(), { subscribers: 30, bitsPerSecond });
  const plenty = { refusal: undefined, places: Number.POSITIVE_INFINITY };
  assert.deepEqual(admission(plenty).room(), { subscribers: 100, bitsPerSecond });
});

test("[W37] a site that leaves, or admits no viewer, has no room", () => {
  const none = { subscribers: 0, bitsPerSecond: 0 };
  const refusal = { code: "admission-refused", message: "no descriptors" };
  assert.deepEqual(admission({ refusal, places: 0 }).room(), none);
  const leaving = admission();
  leaving.leave();
  assert.deepEqual(leaving.room(), none);
});

test("[W37] limits that were lowered below what is sent leave no room, and not less than none", () => {
  const lowered = admission();
  lowered.setLimits({ maxSubscribers: 0, maxBitsPerSecond: 0 });
  assert.deepEqual(lowered.room(), { subscribers: 0, bitsPerSecond: 0 });
});
