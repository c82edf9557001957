import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { decodeControl, encodeControl } from "../../wire/index.ts";
import { relatedSites } from "./candidates.ts";
import { LearnedRelations } from "./learned-relations.ts";
import { partsOf } from "./relation-teller.ts";

const KNOWN = new Set(["a", "b", "c", "d"]);
const isKnown = (site: string): boolean => KNOWN.has(site);

function told(
  learned: LearnedRelations,
  from: string,
  sources: readonly string[],
  clients: readonly string[] = [],
): void {
  learned.told(from, { channel: "clip", sources, clients }, isKnown);
}

test("names that are not of the session, and the neighbour's own, are left out", () => {
  const learned = new LearnedRelations(new VirtualClock());
  told(learned, "b", ["a", "a", "b", "nobody", ""], ["c", "", "b"]);
  const known = learned.of("clip").get("b");
  assert.deepEqual([known?.sources, known?.clients], [["a"], ["c"]]);
});

test("what is not repeated is forgotten; what one told that is gone is kept for ten minutes", () => {
  const clock = new VirtualClock();
  const learned = new LearnedRelations(clock);
  const has = (): boolean => {
    learned.expire();
    return learned.of("clip").has("b");
  };
  learned.connected("b", true);
  told(learned, "b", ["a"]);
  clock.advance(29_000);
  assert.ok(has());
  clock.advance(2_000);
  assert.ok(!has());
  told(learned, "b", ["a"]);
  clock.advance(20_000);
  learned.connected("b", false);
  clock.advance(590_000);
  assert.ok(has(), "it shows the way around it");
  clock.advance(20_000);
  assert.ok(!has());
});

test("a message replaces what the same neighbour told, and nothing of others", () => {
  const learned = new LearnedRelations(new VirtualClock());
  told(learned, "b", ["a"]);
  told(learned, "c", ["d"]);
  told(learned, "b", []);
  assert.deepEqual(learned.of("clip").get("b")?.sources, []);
  assert.deepEqual(learned.of("clip").get("c")?.sources, ["d"]);
});

test("each site is a candidate once, nearest first, and never the site itself", () => {
  const names = fc.constantFrom("a", "b", "c", "d", "e");
  const list = fc.array(names, { maxLength: 5 });
  fc.assert(
    fc.property(list, list, list, list, (route, sources, clients, session) => {
      const told = { from: "b", sources, clients, at: 0 };
      const related = relatedSites({
        ...{ self: "c", route, active: route[0], clients: ["d"], ingests: ["a"], session, now: 5 },
        learned: new Map([["b", told]]),
      });
      const found = related.map(({ name }) => name);
      assert.ok(!found.includes("c"));
      assert.equal(new Set(found).size, found.length);
      const ranks = ["route", "source-of-source", "sibling", "source-of-client", "session"];
      const order = related.map(({ relation }) => ranks.indexOf(relation));
      assert.deepEqual(order, order.toSorted());
    }),
  );
});

test("relations of any number are told in messages that neighbours can read", () => {
  const name = fc.string({ minLength: 1, maxLength: 64, unit: "grapheme" });
  const names = fc.array(name, { maxLength: LIMITS.relationSitesMax });
  const relation = fc.record({ channel: name, sources: names, clients: names });
  fc.assert(
    fc.property(fc.array(relation, { maxLength: 200 }), (relations) => {
      const parts = [...partsOf(relations)];
      assert.deepEqual(parts.flat(), relations);
      for (const channels of parts) {
        const bytes = encodeControl({ type: "started", channels });
        const read = decodeControl(bytes);
        assert.ok(typeof read !== "string", `${read}: ${bytes.byteLength} bytes`);
      }
    }),
    { numRuns: 60 },
  );
});

test("a message with more names than allowed is refused as a whole", () => {
  const many = Array.from({ length: 5_000 }, (_, index) => `s${index}`);
  const payload = encodeControl({
    type: "started",
    channels: [{ channel: "clip", sources: many, clients: [] }],
  });
  assert.equal(decodeControl(payload), "shape");
});
