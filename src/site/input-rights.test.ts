import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import type { Grant } from "./access/grant.ts";
import { InputRights, parsePortRange } from "./input-rights.ts";
import type { HandedInput } from "./operations/handover.ts";

const OWN = [7_000, 7_001, 41_000];
const rights = new InputRights({ ports: parsePortRange("30000-40000"), ownPorts: OWN });
const usual = new InputRights({ ports: undefined, ownPorts: OWN });

function grantOf(name: string, ...can: Grant["can"]): Grant {
  const times = { notBefore: 0, expiresAt: Number.POSITIVE_INFINITY };
  const scopes = { channels: ["*"], streams: [], sites: [] };
  return { id: "abcdefgh", name, can, ...scopes, via: undefined, ...times };
}
const studio = grantOf("studio", "publish");
const rival = grantOf("rival", "publish");
const ops = grantOf("ops", "administer");

function inputOf(grant: Grant | undefined, groups = 0, input = "main"): HandedInput {
  const about = { channel: "cam", input, source: "main", asker: "192.0.2.1", replace: false };
  const track = {
    kind: "video",
    codec: "vp8",
    payloadType: 96,
    clockRate: 90_000,
    port: 0,
  } as const;
  const group = { address: "239.1.2.3" };
  return {
    request: { ...about, grant },
    tracks: Array.from({ length: groups }, () => ({ ...track, group })),
  };
}

test("[A25] a publisher is received on ports of the range alone, RTCP included", () => {
  for (const port of [0, 30_000, 39_999]) rights.checkPorts([{ port }], studio);
  for (const port of [22, 53, 1_023, 29_999, 40_000, 65_535]) {
    assert.throws(() => rights.checkPorts([{ port: 30_000 }, { port }], studio), {
      code: "port-refused",
      expected: /from 30000 to 39999/,
    });
  }
});

test("[A25] the site's own ports and privileged ones are nobody's, whatever the token", () => {
  for (const grant of [studio, ops, undefined]) {
    for (const port of [6_999, 7_000, 7_001, 40_999, 41_000, 22, 1_022, 70_000])
      assert.throws(() => usual.checkPorts([{ port }], grant), { code: "port-refused" }, `${port}`);
    usual.checkPorts([{ port: LIMITS.rtpPortMin }, { port: 0 }, { port: 65_534 }], grant);
  }
  usual.checkPorts([{ port: 1_024 }], ops);
  assert.throws(() => usual.checkPorts([{ port: 1_024 }], studio), { code: "port-refused" });
  for (const host of ["127.0.0.1", "127.3.2.1", "::1", "0:0:0:0:0:0:0:1", "0.0.0.0", "::"])
    assert.throws(() => usual.checkOutput(host, { video: 7_000 }), { code: "port-refused" }, host);
  usual.checkOutput("192.0.2.9", { video: 7_000 });
});

test("[A25] an input is ended by whom it was opened, or by who administers", () => {
  const open = inputOf(studio);
  rights.checkOwner(open, studio);
  rights.checkOwner(open, ops);
  rights.checkOwner(open, undefined);
  assert.throws(() => rights.checkOwner(open, rival), { code: "input-foreign" });
  assert.throws(() => rights.checkOwner(inputOf(undefined), rival), { code: "input-foreign" });
});

test("[A25] a publisher has so many inputs and groups, whatever others have", () => {
  const many = Array.from({ length: LIMITS.publisherInputsMax }, () => inputOf(studio));
  assert.throws(() => rights.checkQuota(many, [], studio), { code: "inputs-exhausted" });
  rights.checkQuota(many, [], rival);
  rights.checkQuota(many.slice(1), [], studio);
  rights.checkQuota([...many, ...many], [], ops);
  rights.checkQuota([...many, ...many], [], undefined);
  const groups = inputOf(studio, LIMITS.publisherGroupsMax - 1);
  rights.checkQuota([groups], inputOf(studio, 1).tracks, studio);
  assert.throws(() => rights.checkQuota([groups], inputOf(studio, 2).tracks, studio), {
    code: "inputs-exhausted",
  });
});

test("a range of ports has an even one with its successor, and no privileged one", () => {
  assert.deepEqual(parsePortRange("5004-5005"), { from: 5_004, to: 5_005 });
  for (const text of [
    "",
    "5004",
    "5005-5006",
    "6000-5000",
    "80-9000",
    "5004-70000",
    "a-b",
    "5004-5004",
  ])
    assert.throws(
      () => parsePortRange(text, "argument --rtp-ports"),
      { code: "config-invalid" },
      text,
    );
});
