import assert from "node:assert/strict";
import { test } from "node:test";
import { mediumNumbers } from "./medium-numbers.ts";

test("the first audio is 1, the first video 2, all others count up from 4", () => {
  assert.deepEqual(mediumNumbers(["video", "audio"]), [2, 1]);
  assert.deepEqual(
    mediumNumbers(["audio", "audio", "application", "video", "video"]),
    [1, 4, 5, 2, 6],
  );
  assert.deepEqual(mediumNumbers([]), []);
});
