import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../base/index.ts";
import { RESHAPING_POLICIES } from "./policies/index.ts";
import type { Candidate, ReshapingFacts } from "./reshaping-policy.ts";

function candidate(name: string, more: Partial<Candidate> = {}): Candidate {
  return {
    ...{ name, relation: "source-of-source", state: "unknown", path: undefined },
    origin: { kind: "learned", from: "b", agoMs: 0 },
    ...{ isThroughUs: false, isLeaving: false, failures: 0, cost: 1, rttMs: undefined },
    ...more,
  };
}

function facts(candidates: readonly Candidate[], lostMs = 0, attempt = 0): ReshapingFacts {
  return { self: "me", channel: "clip", isWanted: true, lostMs, attempt, candidates };
}

const ROUTE = candidate("b", {
  relation: "route",
  state: "active",
  origin: { kind: "configured" },
  path: ["s", "b"],
});

/** What every policy has to keep to, whatever it is told. */
for (const policy of Object.values(RESHAPING_POLICIES)) {
  test(`the policy ${policy.name} never chooses the route, a client of this site, or too many`, () => {
    const names = fc.integer({ min: 0, max: 60 }).map((index) => `n${index}`);
    const any = fc.record({
      name: names,
      relation: fc.constantFrom(
        "route",
        "source-of-source",
        "sibling",
        "source-of-client",
        "session",
      ),
      state: fc.constantFrom("active", "standby", "suspected", "down", "connecting", "unknown"),
      path: fc.option(fc.array(names, { maxLength: 3 }), { nil: undefined }),
      isThroughUs: fc.boolean(),
      isLeaving: fc.boolean(),
      failures: fc.nat(20),
      cost: fc.nat(100),
    }) as fc.Arbitrary<Partial<Candidate> & { name: string }>;
    const unique = fc.uniqueArray(any, { maxLength: 60, selector: ({ name }) => name });
    fc.assert(
      fc.property(unique, fc.nat(20_000), fc.nat(30), (drawn, lostMs, attempt) => {
        const candidates = drawn.map(({ name, ...more }) => candidate(name, more));
        const { learned } = policy.choose(facts(candidates, lostMs, attempt));
        assert.ok(learned.length <= Math.max(LIMITS.alternativesMax, candidates.length));
        assert.equal(new Set(learned).size, learned.length);
        for (const name of learned) {
          const chosen = candidates.find((each) => each.name === name);
          assert.ok(chosen !== undefined && chosen.relation !== "route");
          if (chosen.state !== "active") assert.ok(!chosen.isThroughUs);
        }
      }),
    );
    assert.ok(policy.preferMs(0) >= 0 && policy.preferMs(1_000) <= 300_000);
  });
}

test("the standard policy keeps two ready that can be used, and looks further when one cannot", () => {
  const { standard } = RESHAPING_POLICIES;
  const ready = { state: "standby", path: ["s", "x"] } as const;
  const near = ["x", "y", "z"].map((name) => candidate(name));
  assert.deepEqual(standard.choose(facts([ROUTE, ...near])).learned, ["x", "y", "z"]);
  const known = [candidate("x", ready), candidate("y", { state: "down" }), candidate("z", ready)];
  assert.deepEqual(standard.choose(facts([ROUTE, ...known, candidate("w")])).learned, [
    "x",
    "y",
    "z",
  ]);
});

test("while the channel is lost all others are tried in turn, and where it is ingested always", () => {
  const { standard } = RESHAPING_POLICIES;
  const session = Array.from({ length: 20 }, (_, index) =>
    candidate(`s${index}`, {
      relation: "session",
      origin: { kind: "directory", isIngest: index === 7 },
    }),
  );
  const tried = new Set<string>();
  for (let attempt = 0; attempt < 7; attempt++) {
    const { learned } = standard.choose(facts([ROUTE, ...session], 1_000 + attempt, attempt));
    assert.ok(learned.includes("s7") && learned.length <= 4);
    for (const name of learned) tried.add(name);
  }
  assert.equal(tried.size, 20);
  assert.deepEqual(standard.choose(facts([ROUTE, ...session])).learned, []);
});

test("the policy for cheap links prefers the least cost, and sites that were not lost again and again", () => {
  const { cheap } = RESHAPING_POLICIES;
  const sites = [
    candidate("far", { cost: 9 }),
    candidate("near", { cost: 2 }),
    candidate("free", { cost: 0, failures: 5 }),
  ];
  assert.deepEqual(cheap.choose(facts([ROUTE, ...sites])).learned, ["near", "far", "free"]);
});

test("the naive policy keeps nothing ready, and does not forward while it leaves", () => {
  const { naive } = RESHAPING_POLICIES;
  assert.deepEqual(naive.choose(facts([ROUTE, candidate("x")])).learned, []);
  assert.deepEqual(naive.choose(facts([ROUTE, candidate("x")], 500)).learned, ["x"]);
  assert.equal(naive.forwardsWhileLeaving, false);
});
