/** Every row of docs/spec/access.md that a site asks of another, or the leader of a site. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessRows, checkAllTried } from "../access-rows.test.support.ts";
import { LIMITS, type MeanderError, VirtualClock } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import { encodeState, freshState, type SiteInstance } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import { Permits } from "./permits.ts";
import { SiteRequests, type SiteRequestsPorts } from "./site-requests.ts";

const SOUTH: SiteInstance = { site: "south", instance: 2 };
const WEST: SiteInstance = { site: "west", instance: 3 };
/** `radio` is at south. */
const RECORD = {
  ...{ name: "radio", id: 7, site: "south", instance: 2, streamEpoch: 1, status: "live" },
  ...{ durability: { type: "none" }, failureManagers: [], agents: [], owner: "subject:alice" },
  ...{ keeper: "south", visited: [], createdAt: 0 },
};

/** The requests of site north, which has no stream; what they did is noted. */
function makeRequests(isOpen = false): {
  requests: SiteRequests;
  done: string[];
  permits: Permits;
  clock: VirtualClock;
} {
  const clock = new VirtualClock();
  const permits = new Permits(clock);
  const done: string[] = [];
  const note =
    (what: string) =>
    (...args: readonly unknown[]): Promise<void> => {
      done.push(`${what} ${JSON.stringify(args[0])}`);
      return Promise.resolve();
    };
  const shellNamed = (): undefined => undefined;
  const ports = {
    lookup: { site: "north", byName: () => undefined, resident: () => undefined, shellNamed },
    keeper: { put: note("put"), mark: note("mark") },
    table: { byId: () => RECORD as unknown as StreamRecord },
    streams: { openAgents: note("open") },
    arrivals: { add: note("add"), epochOf: () => 0 },
    events: { watchedBy: note("watched"), received: note("received") },
    policy: { enforce: () => {} },
    halt: { check: () => {} },
    admission: { isOpen },
    permits,
  };
  const requests = new SiteRequests(ports as unknown as SiteRequestsPorts);
  return { requests, done, permits, clock };
}

const tried = new Set<string>();
const refused = { code: "principal-refused" };

/** What each request of the kind says about `radio`. */
const PERMITTED: Readonly<Record<string, (permit: unknown) => unknown[]>> = {
  inspect: (permit) => ["radio", permit],
  letter: (permit) => ["radio", "x>radio#1", "skip", undefined, permit],
};
const ACTIONS: Readonly<Record<string, string>> = { inspect: "inspect", letter: "dead-letter" };

for (const [kind, make] of Object.entries(PERMITTED))
  test(`[A34] ${kind} takes a permit of the leader, once, for that site, stream and action`, async () => {
    const { requests, permits, clock } = makeRequests();
    const action = ACTIONS[kind] ?? "";
    const permit = { permit: "p", site: "south", stream: "radio", action };
    const ask = (from = SOUTH, shown: unknown = "p"): Promise<unknown> =>
      requests.answer(from, kind, packValue(make(shown)));
    for (const shown of ["p", "", undefined, null, 7, {}])
      await assert.rejects(ask(SOUTH, shown), refused);
    for (const other of [
      { ...permit, site: "west" },
      { ...permit, stream: "vault" },
      { ...permit, action: "destroy" },
    ]) {
      permits.add(other);
      await assert.rejects(ask(), refused, JSON.stringify(other));
    }
    permits.add(permit);
    await assert.rejects(ask(WEST), refused);
    permits.add(permit);
    clock.advance(LIMITS.permitMs + 1);
    await assert.rejects(ask(), refused);
    permits.add(permit);
    // It gets as far as looking for the stream, which this site does not have.
    const isAdmitted = (error: MeanderError): boolean => error.code !== "principal-refused";
    await assert.rejects(ask(), isAdmitted);
    await assert.rejects(ask(), refused, "it counts once");
    tried.add(kind);
  });

test("[A34] where no token is required, no permit is", async () => {
  const { requests } = makeRequests(true);
  for (const [kind, make] of Object.entries(PERMITTED))
    await assert.rejects(requests.answer(SOUTH, kind, packValue(make(""))), {
      code: /^(?!principal-refused)/,
    });
});

test("install takes to be the site where the stream is", async () => {
  const { requests, done } = makeRequests();
  const state = encodeState(freshState(new Uint8Array()));
  const install = (from: SiteInstance, record: string, packed = state): Promise<unknown> =>
    requests.answer(from, "install", packValue(["m", record, "subject:alice", 1_000, packed]));
  const text = JSON.stringify(RECORD);
  for (const from of [WEST, { ...WEST, site: "north" }])
    await assert.rejects(install(from, text), refused);
  for (const record of ["", "{", "{}", "null", JSON.stringify({ ...RECORD, name: "../x" })])
    await assert.rejects(install(SOUTH, record), { code: "request-invalid" }, record);
  await assert.rejects(install(SOUTH, text, new Uint8Array()), { code: "request-invalid" });
  assert.deepEqual(done, []);
  await install(SOUTH, text);
  assert.equal(done.length, 2, "its agents are opened, and it is about to arrive");
  tried.add("install");
});

test("records, marks, stories and events are asked by members, and what is malformed does nothing", async () => {
  const { requests, done } = makeRequests();
  const bytes = Uint8Array.of(1);
  for (const [kind, args] of [
    ["record", [7, 1, bytes]],
    ["mark", [7, 1, bytes]],
    ["watch", [true]],
    ["events", [[]]],
    ["story", ["x>radio#1"]],
  ] as const) {
    await requests.answer(SOUTH, kind, packValue(args));
    for (const wrong of [{}, "text", 7, null])
      await assert.rejects(requests.answer(SOUTH, kind, packValue(wrong)), {
        code: "request-invalid",
      });
    tried.add(kind);
  }
  assert.equal(done.length, 4);
});

test("[A31] every row of sites was tried", () => {
  checkAllTried(["site request"], tried);
});

test("[A41] commands of the leader are no requests that another site could make", async () => {
  const { requests, done } = makeRequests(true);
  const commands = accessRows()
    .filter(({ kind }) => kind === "site command")
    .flatMap(({ names }) => names);
  assert.ok(commands.includes("stream-destroy"));
  for (const command of commands)
    await assert.rejects(requests.answer(SOUTH, command, packValue([RECORD])), {
      code: "request-unknown",
    });
  assert.deepEqual(done, []);
});
