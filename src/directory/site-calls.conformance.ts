import assert from "node:assert/strict";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { Json } from "./directory.ts";
import { type Rule, turnsUntil } from "./directory-under-test.conformance.ts";
import type { SiteCalls } from "./site-calls.ts";

const NORTH = { site: "north", instance: 7 };

/** Keeps who came and went, in short: `+north/7`, `-north/7`. */
export function recordSites(sites: SiteCalls): string[] {
  const told: string[] = [];
  sites.onConnected((site, instance) => told.push(`+${site}/${instance}`));
  sites.onGone((site, instance) => told.push(`-${site}/${instance}`));
  return told;
}

/** Settles when that start of the site takes calls. */
export function servedAt(sites: SiteCalls, { site, instance } = NORTH): Promise<void> {
  return turnsUntil(() => sites.connected(site, instance));
}

/** [D21] What a directory must do with the leader's calls to the site that uses it. */
export function siteCallsConformance(rule: Rule): void {
  rule("[D21] a call reaches the site, and its answer the leader", async ({ directory, sites }) => {
    directory.serve(NORTH, async (payload) => ({ echo: payload }));
    await servedAt(sites);
    assert.deepEqual(await sites.call("north", 7, { deep: [null, "é"] }, 1_000), {
      echo: { deep: [null, "é"] },
    });
    assert.equal(
      await sites.call("north", 7, "again", 1_000).then(JSON.stringify),
      '{"echo":"again"}',
    );
  });

  rule("[D21] a site's refusal reaches the leader as it was made", async ({ directory, sites }) => {
    const refusal = new MeanderError("move-refused", "the site is full", {
      where: "site north",
      expected: "room",
      next: "choose another",
    });
    directory.serve(NORTH, () => Promise.reject(refusal));
    await servedAt(sites);
    await assert.rejects(sites.call("north", 7, null, 1_000), (error) => {
      assert.ok(error instanceof MeanderError);
      assert.deepEqual(
        { ...error, message: error.message },
        { ...refusal, message: refusal.message },
      );
      return true;
    });
  });

  rule(
    "[D21] an unexpected error of a handler becomes a refusal that reveals only where to look",
    async ({ directory, sites }) => {
      directory.serve(NORTH, () => {
        throw new TypeError("the secret is 42");
      });
      await servedAt(sites);
      await assert.rejects(sites.call("north", 7, null, 1_000), (error) => {
        assert.ok(error instanceof MeanderError);
        assert.equal(error.code, "site-call-failed");
        assert.doesNotMatch(error.message, /42/);
        return true;
      });
    },
  );

  rule(
    "[D21] a site that is not connected, or another start of one, is gone at once",
    async ({ directory, sites }) => {
      const gone = { code: "site-gone", where: "site north" };
      await assert.rejects(sites.call("north", 7, null, 1_000), gone);
      directory.serve(NORTH, async () => null);
      await servedAt(sites);
      await assert.rejects(sites.call("north", 8, null, 1_000), gone);
      assert.equal(sites.connected("north", 8), false);
      assert.equal(await sites.call("north", 7, null, 1_000), null);
    },
  );

  rule(
    "[D21] calls reach a site in order, and an answer does not wait for those before",
    async ({ directory, sites }) => {
      const order: Json[] = [];
      const answers: (() => void)[] = [];
      directory.serve(NORTH, (payload) => {
        order.push(payload);
        return new Promise((resolve) => answers.push(() => resolve(payload)));
      });
      await servedAt(sites);
      const calls = [1, 2, 3].map((payload) => sites.call("north", 7, payload, 1_000));
      await turnsUntil(() => order.length === 3);
      assert.deepEqual(order, [1, 2, 3]);
      answers[2]?.();
      assert.equal(await calls[2], 3);
      answers[0]?.();
      answers[1]?.();
      assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
    },
  );

  rule(
    "[D21] what the two do with a payload or an answer afterwards changes nothing for the other",
    async ({ directory, sites }) => {
      const kept = { at: 1 };
      directory.serve(NORTH, async (payload) => {
        (payload as { n: number }).n = 2;
        return kept;
      });
      await servedAt(sites);
      const payload = { n: 1 };
      const call = sites.call("north", 7, payload, 1_000);
      payload.n = 3;
      const answer = (await call) as { at: number };
      assert.deepEqual([payload, answer], [{ n: 3 }, { at: 1 }]);
      answer.at = 9;
      assert.deepEqual(kept, { at: 1 });
    },
  );

  rule(
    "[D21] a call that is not answered in time fails, and a late answer is ignored",
    async ({ directory, sites, clock }) => {
      const answers: ((result: Json) => void)[] = [];
      directory.serve(NORTH, () => new Promise((resolve) => answers.push(resolve)));
      await servedAt(sites);
      const late = assert.rejects(sites.call("north", 7, 1, 500), {
        code: "site-timeout",
        message: /no answer in 500 ms; it may already have taken effect/,
      });
      const patient = sites.call("north", 7, 2, 1_000);
      await turnsUntil(() => answers.length === 2);
      clock.advance(500);
      await late;
      answers[0]?.("late");
      answers[1]?.("in time");
      assert.equal(await patient, "in time");
    },
  );

  rule(
    "[D21] a site that stops accepting calls is reported, and its unanswered calls fail",
    async ({ directory, sites }) => {
      const told = recordSites(sites);
      let asked = 0;
      const undo = directory.serve(NORTH, () => {
        asked++;
        return new Promise(() => {});
      });
      await servedAt(sites);
      assert.deepEqual(told, ["+north/7"]);
      const failed = assert.rejects(sites.call("north", 7, null, 1_000), {
        code: "site-gone",
        message: /may already have taken effect/,
      });
      await turnsUntil(() => asked === 1);
      undo();
      undo();
      await failed;
      assert.deepEqual(told, ["+north/7", "-north/7"]);
      assert.equal(sites.connected("north", 7), false);
      directory.serve(NORTH, async () => "back");
      await servedAt(sites);
      undo();
      assert.equal(await sites.call("north", 7, null, 1_000), "back");
      assert.deepEqual(told, ["+north/7", "-north/7", "+north/7"]);
    },
  );

  rule(
    "[D21] another handler for the same place takes over, unnoticed; one for another place ends the first",
    async ({ directory, sites }) => {
      const told = recordSites(sites);
      const undoFirst = directory.serve(NORTH, async () => "first");
      await servedAt(sites);
      directory.serve(NORTH, async () => "second");
      undoFirst();
      assert.equal(await sites.call("north", 7, null, 1_000), "second");
      const south = { site: "south", instance: 1 };
      directory.serve(south, async () => "south");
      await servedAt(sites, south);
      assert.deepEqual(told, ["+north/7", "-north/7", "+south/1"]);
      assert.equal(await sites.call("south", 1, null, 1_000), "south");
    },
  );

  rule("[D21] payloads and answers are JSON of bounded size", async ({ directory, sites }) => {
    let answer: Json = null;
    directory.serve(NORTH, async (payload) => (payload === "answer" ? answer : payload));
    await servedAt(sites);
    const call = (payload: Json): Promise<Json> => sites.call("north", 7, payload, 1_000);
    const tooLarge = { code: "directory-value-too-large" };
    const invalid = { code: "directory-value-invalid" };
    const largest = "x".repeat(LIMITS.siteCallBytesMax - 2);
    assert.equal(await call(largest), largest);
    await assert.rejects(call(`${largest}x`), tooLarge);
    await assert.rejects(call(undefined as unknown as Json), invalid);
    answer = largest;
    assert.equal(await call("answer"), largest);
    answer = `${largest}x`;
    await assert.rejects(call("answer"), tooLarge);
    answer = undefined as unknown as Json;
    await assert.rejects(call("answer"), invalid);
    assert.equal(await call("still there"), "still there");
  });

  rule("[D21] calls to a site over the limit are refused at once", async ({ directory, sites }) => {
    const answers: (() => void)[] = [];
    directory.serve(NORTH, () => new Promise((resolve) => answers.push(() => resolve(null))));
    await servedAt(sites);
    const calls = Array.from({ length: LIMITS.directoryCallsMax }, () =>
      sites.call("north", 7, null, 1_000),
    );
    await assert.rejects(sites.call("north", 7, null, 1_000), { code: "directory-busy" });
    await turnsUntil(() => answers.length === calls.length);
    for (const release of answers) release();
    await Promise.all(calls);
  });

  rule("[D21] a closed directory takes no calls", async ({ directory, sites }) => {
    directory.serve(NORTH, async () => null);
    await servedAt(sites);
    await directory[Symbol.asyncDispose]();
    await turnsUntil(() => !sites.connected("north", 7));
    await assert.rejects(sites.call("north", 7, null, 1_000), { code: "site-gone" });
    assert.throws(() => directory.serve(NORTH, async () => null), { code: "directory-closed" });
  });
}
