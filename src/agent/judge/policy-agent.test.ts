import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LIMITS, SILENT, SystemClock, SystemRandom } from "../../base/index.ts";
import { packValue } from "../../wire/index.ts";
import { openAgentProcesses } from "../agent-processes.ts";
import type { Executor } from "../executor.ts";
import { InlineExecutor } from "../executors/inline-executor.ts";
import { ProcessExecutor } from "../executors/process-executor.ts";
import { DEFAULT_LIMITS, type Verdict } from "../model.ts";
import { PolicyAgent, type PolicyProgram } from "./policy-agent.ts";

const clock = new SystemClock();
const random = new SystemRandom();
const pool = openAgentProcesses();
const executor = new ProcessExecutor({ pool, clock, log: SILENT });
const inline = await InlineExecutor.open({ clock, log: SILENT });
after(async () => {
  await executor[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
});

const MOVE = { action: "move", by: "subject:alice", stream: "radio", site: "north" };

function programOf(judge: string, changes: Partial<PolicyProgram> = {}): PolicyProgram {
  return {
    scope: "streams/radio",
    sha256: "a".repeat(64),
    expression: `{ on: { ${judge} } }`,
    limits: DEFAULT_LIMITS,
    briefcase: packValue({}),
    ...changes,
  };
}

async function withPolicy(
  judge: string,
  use: (policy: PolicyAgent) => Promise<void>,
  on: Executor = executor,
): Promise<void> {
  const place = { executor: on, site: "north", clock, random, log: SILENT };
  const policy = await PolicyAgent.start(place, programOf(judge));
  try {
    await use(policy);
  } finally {
    policy.close();
  }
}

for (const each of [executor, inline]) {
  const name = each.kind;

  test(`${name}: a policy sees the request, and its verdict counts`, () =>
    withPolicy(
      `judge: (ctx, { action, by, stream, site }) => {
        if (action === "move" && by === "subject:alice") return true;
        return { effect: "deny", reason: [action, by, stream, site, ctx.location].join(" ") };
      }`,
      async (policy) => {
        assert.deepEqual(await policy.judge(MOVE), { effect: "allow" });
        assert.deepEqual(await policy.judge({ ...MOVE, by: "site:a" }), {
          effect: "deny",
          reason: "move site:a radio north north",
        });
      },
      each,
    ));

  test(`${name}: what is no verdict denies`, async () => {
    const answers = ["undefined", "null", "1", `"allow"`, "[]", "{}", `{ effect: "yes" }`];
    for (const answer of answers) {
      await withPolicy(
        `judge: () => (${answer})`,
        async (policy) => {
          const { effect, reason } = await policy.judge(MOVE);
          assert.equal(effect, "deny", answer);
          assert.match(reason ?? "", /gave no verdict; expected true, false/);
        },
        each,
      );
    }
  });

  test(`${name}: a policy that throws, or does something else than judge, denies`, async () => {
    const bodies: readonly [string, RegExp][] = [
      [`throw new Error("no idea")`, /the policy failed: .*no idea/],
      [`return Promise.reject(new TypeError("later"))`, /later/],
      [`ctx.open("radio").append(1); return true`, /something else than judge/],
      [`ctx.timer(1); return true`, /something else than judge/],
      [`ctx.relocate("east"); return true`, /something else than judge/],
      [`ctx.exit(); return true`, /something else than judge/],
    ];
    for (const [body, reason] of bodies)
      await withPolicy(
        `judge(ctx) { ${body} }`,
        async (policy) => {
          const verdict = await policy.judge(MOVE);
          assert.equal(verdict.effect, "deny");
          assert.match(verdict.reason ?? "", reason);
        },
        each,
      );
  });

  test(`${name}: a policy that acts is refused, and denies`, () =>
    withPolicy(
      `judge: async (ctx) => { await ctx.open("radio").destroy(); return true; }`,
      async (policy) => {
        const { effect, reason } = await policy.judge(MOVE);
        assert.equal(effect, "deny");
        assert.match(reason ?? "", /a policy may only judge/);
      },
      each,
    ));

  test(`${name}: requests are judged in order, each once, and the briefcase counts them`, () =>
    withPolicy(
      `judge(ctx) {
        ctx.briefcase.count = (ctx.briefcase.count ?? 0) + 1;
        return { effect: "deny", reason: String(ctx.briefcase.count) };
      }`,
      async (policy) => {
        const verdicts = await Promise.all(Array.from({ length: 500 }, () => policy.judge(MOVE)));
        const counts = verdicts.map(({ reason }) => Number(reason));
        assert.deepEqual(
          counts,
          Array.from({ length: 500 }, (_, index) => index + 1),
        );
      },
      each,
    ));

  test(`${name}: a definition without a judge handler is no policy`, async () => {
    await assert.rejects(
      withPolicy("append: () => true", async () => {}, each),
      { code: "policy-invalid" },
    );
  });
}

test("a policy that never answers denies in time, and goes on with its state", () =>
  withPolicy(
    `judge(ctx, { by }) {
      if (by === "loop") for (;;);
      if (by === "promise") return new Promise(() => {});
      ctx.briefcase.count = (ctx.briefcase.count ?? 0) + 1;
      return { effect: "deny", reason: String(ctx.briefcase.count) };
    }`,
    async (policy) => {
      assert.equal((await policy.judge(MOVE)).reason, "1");
      for (const by of ["promise", "loop"]) {
        const began = clock.now();
        const verdict = await policy.judge({ ...MOVE, by });
        assert.equal(verdict.effect, "deny");
        assert.ok(clock.now() - began < 2 * LIMITS.policyMsMax, by);
      }
      const { reason } = await soon(policy, (verdict) => verdict.reason === "2");
      assert.equal(reason, "2");
    },
  ));

test("a policy that ends its process again and again is not started for ever", () =>
  withPolicy(
    "judge() { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); }",
    async (policy) => {
      const { reason } = await soon(policy, (verdict) =>
        /has ended its process \d+ times/.test(verdict.reason ?? ""),
      );
      assert.match(reason ?? "", /5 times/);
    },
  ));

test("more requests than may wait are denied at once", () =>
  withPolicy("judge: () => new Promise(() => {})", async (policy) => {
    const verdicts: Promise<Verdict>[] = [];
    for (let count = 0; count < LIMITS.policyWaitingMax; count++) verdicts.push(policy.judge(MOVE));
    const { effect, reason } = await policy.judge(MOVE);
    assert.equal(effect, "deny");
    assert.match(reason ?? "", /requests wait for the policy/);
    policy.close();
    for (const verdict of await Promise.all(verdicts)) assert.equal(verdict.effect, "deny");
    assert.equal(policy.waiting, 0);
  }));

test("a closed policy denies", () =>
  withPolicy("judge: () => true", async (policy) => {
    policy.close();
    assert.deepEqual(await policy.judge(MOVE), {
      effect: "deny",
      reason: "the policy was closed",
      isFault: true,
    });
  }));

/** Asks until the verdict is as wanted; the test's own time bounds it. */
async function soon(
  policy: PolicyAgent,
  isWanted: (verdict: Verdict) => boolean,
): Promise<Verdict> {
  for (;;) {
    const verdict = await policy.judge(MOVE);
    if (isWanted(verdict)) return verdict;
  }
}
