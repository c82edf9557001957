import assert from "node:assert/strict";
import { LIMITS, MeanderError } from "../base/index.ts";
import { type Rule, turnsUntil } from "./directory-under-test.conformance.ts";

/** [D9] */
export function requestsConformance(rule: Rule): void {
  rule(
    "[D9] a request reaches the leader, and its answer the asker",
    async ({ directory, answer }) => {
      answer(async (subject, payload) => ({ subject, payload }));
      assert.deepEqual(await directory.request("join", { name: "north" }), {
        subject: "join",
        payload: { name: "north" },
      });
    },
  );

  rule("[D24] the leader is told who asks", async ({ directory, answer, caller }) => {
    const callers: unknown[] = [];
    answer(async (_subject, payload, by) => {
      callers.push(by);
      return payload;
    });
    // What a payload says of its asker is part of the payload.
    await directory.request("join", { kind: "leader", site: "north" });
    assert.deepEqual(callers, [caller]);
  });

  rule("[D9] a refusal reaches the asker as the leader made it", async ({ directory, answer }) => {
    const refusal = new MeanderError("site-name-taken", "the name is taken", {
      where: "site north",
      expected: "another name",
      next: "choose one",
    });
    answer(() => Promise.reject(refusal));
    await assert.rejects(directory.request("join", null), (error) => {
      assert.ok(error instanceof MeanderError);
      assert.deepEqual(
        { ...error, message: error.message },
        { ...refusal, message: refusal.message },
      );
      return true;
    });
    answer(undefined);
    await assert.rejects(directory.request("join", null), { code: "directory-no-leader" });
  });

  rule(
    "[D9] a request waits as long as it was given, and its failure says so",
    async ({ directory, clock, answer }) => {
      const asked: (() => void)[] = [];
      answer(() => new Promise((resolve) => asked.push(() => resolve("done"))));
      const given = directory.request("move", null, { timeoutMs: 20_000 });
      const late = assert.rejects(directory.request("move", null, { timeoutMs: 500 }), {
        code: "directory-unreachable",
        message: /no answer to request in 500 ms/,
      });
      await turnsUntil(() => asked.length === 2);
      clock.advance(500);
      await late;
      // In steps, so that a connection has its signs of life.
      for (let step = 0; step < 4; step++) {
        clock.advance(LIMITS.directoryCallMs / 2);
        assert.equal(await directory.get("a"), undefined);
      }
      for (const release of asked) release();
      assert.equal(await given, "done");
    },
  );
}
