import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/index.ts";
import { type Alternative, PREFER_MS, STEADY_MS, tellPath } from "./alternative.ts";
import type { Peer } from "./peer.ts";
import { SourceSelection } from "./source-selection.ts";

const STEP_MS = 100;

/** A channel that comes from `other`, and may come from `better`. */
function rig() {
  const clock = new VirtualClock();
  const switches: string[] = [];
  const selection = new SourceSelection({
    clock,
    onSwitched: (from, to) => switches.push(`${from} > ${to}`),
  });
  selection.replace(["better", "other"]);
  selection.start();
  const [better, other] = selection.alternatives as readonly [Alternative, Alternative];
  const peer = { state: "open", suspected: false } as Peer;
  for (const each of [better, other]) selection.connected(each, peer);
  const pass = (ms: number, path: readonly string[]): void => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      clock.advance(STEP_MS);
      tellPath(better, path, clock.now());
      tellPath(other, ["origin", "other"], clock.now());
      selection.fill(clock.now());
      selection.prefer(clock.now());
    }
  };
  return { pass, selection, switches };
}

test("[W43] a better alternative takes over once it has told a path for 5 s, however long it was connected before", () => {
  const { pass, selection, switches } = rig();
  // The channel does not arrive there for twice as long as it takes to be preferred again.
  pass(2 * PREFER_MS, []);
  assert.deepEqual(switches, ["undefined > other"]);
  pass(PREFER_MS - STEP_MS, ["origin", "better"]);
  assert.equal(selection.active?.name, "other");
  // It loses its way again: it has to have one for as long once more.
  pass(STEP_MS, []);
  pass(PREFER_MS, ["origin", "better"]);
  assert.equal(selection.active?.name, "other");
  pass(STEP_MS, ["origin", "better"]);
  assert.deepEqual(switches, ["undefined > other", "other > better"]);
});

test("[W43] a better alternative whose path changes is waited for until the change is known everywhere", () => {
  const { pass, selection } = rig();
  pass(2 * PREFER_MS, []);
  pass(PREFER_MS - STEP_MS, ["origin", "better"]);
  // What changed its way may be about to choose one through us.
  pass(STEADY_MS, ["origin", "detour", "better"]);
  assert.equal(selection.active?.name, "other");
  pass(STEP_MS, ["origin", "detour", "better"]);
  assert.equal(selection.active?.name, "better");
});
