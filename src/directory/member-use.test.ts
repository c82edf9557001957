import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../base/index.ts";
import { memberCaller } from "./caller.ts";
import { MembersUse } from "./member-use.ts";

const north = memberCaller("north", undefined);
const south = memberCaller("south", undefined);
const limited = { code: "rate-limited", message: /site north has used up its rate of .* in \d+ s/ };

test("[D26] a member puts blobs up to its rate, small ones count their page", () => {
  const clock = new VirtualClock();
  const use = new MembersUse(clock);
  const whole = LIMITS.directoryBlobBytesMax;
  let bytes = 0;
  for (; bytes + whole + 4_096 <= LIMITS.directoryBlobBytesBurst; bytes += whole + 4_096)
    use.blob(north, whole);
  assert.throws(() => use.blob(north, whole), limited);
  use.blob(south, whole);
  let count = 0;
  const left = LIMITS.directoryBlobBytesBurst - bytes;
  for (; count < left / 4_097 - 1; count++) use.blob(north, 1);
  assert.throws(() => use.blob(north, 1), limited);
  clock.advance(1_000);
  use.blob(north, 1);
});

test("[D26] what a member writes is bounded in bytes, too", () => {
  const clock = new VirtualClock();
  const use = new MembersUse(clock);
  const writes = LIMITS.directoryWrittenBytesBurst / LIMITS.directoryValueBytesMax;
  for (let each = 0; each < writes; each++) use.write(north, LIMITS.directoryValueBytesMax);
  assert.throws(() => use.write(north, 1_000), limited);
  use.write(south, LIMITS.directoryValueBytesMax);
  clock.advance(1_000);
  use.write(north, 1_000);
});

test("[D26] leases that ran out, or were revoked, make room", () => {
  const clock = new VirtualClock();
  const use = new MembersUse(clock);
  const grant = (id: string, ttlMs: number): void => {
    use.lease(north);
    use.granted(north, { id, ttlMs });
  };
  const most = LIMITS.directoryLeasesPerMember;
  for (let each = 0; each < most; each++) grant(`lease-${each}`, 1_000);
  assert.throws(() => use.lease(north), { code: "directory-full" });
  use.revoked(north, "lease-0");
  grant("again", 1_000);
  clock.advance(900);
  use.renewed(north, "again");
  clock.advance(200);
  for (let each = 1; each < most; each++) grant(`later-${each}`, 1_000);
  assert.throws(() => use.lease(north), { code: "directory-full" });
});

test("[D25] a lease from before is that of the member that renews it first", () => {
  const use = new MembersUse(new VirtualClock());
  assert.ok(use.owns(north, "earlier") && use.owns(south, "earlier"));
  use.renewed(north, "earlier");
  assert.ok(use.owns(north, "earlier"));
  assert.equal(use.owns(south, "earlier"), false);
});

test("[D26] members that do nothing are forgotten, and others go on with what they have left", () => {
  const clock = new VirtualClock();
  const use = new MembersUse(clock);
  for (let each = 0; each < LIMITS.directoryWritesBurst; each++) use.write(north, 0);
  for (let each = 0; each < 5 * LIMITS.directoryClientsMax; each++)
    use.revoked(memberCaller(`s${each}`, undefined), "x");
  assert.throws(() => use.write(north, 0), limited);
});
