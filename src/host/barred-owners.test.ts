import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  Invocation,
  InvocationDone,
} from "../agent/index.ts";
import { SILENT } from "../base/index.ts";
import { BARRED_KEYS } from "../session/index.ts";
import { BarredOwners } from "./barred-owners.ts";

/** An executor whose calls end when the test says so. */
class HeldExecutor implements Executor {
  readonly kind = "process";
  readonly calls: { readonly done: InvocationDone; readonly count: number }[] = [];
  host: AgentHost | undefined;
  closed = 0;

  async start(_program: AgentProgram, host: AgentHost): Promise<AgentInstance> {
    this.host = host;
    return {
      handlers: new Set(["append"] as const),
      run: (batch, done) => void this.calls.push({ done, count: batch.length }),
      interrupt: () => {},
      restore: () => {},
      setHandler: async () => {},
      ended: new Promise(() => {}),
      close: () => {
        this.closed++;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const HOST: AgentHost = {
  call: async () => Uint8Array.of(1),
  log: () => {},
  now: () => 0,
  random: () => 0,
};

function programOf(owner: string): AgentProgram {
  return {
    ...{ stream: "foo", streamId: 1, agent: "a", owner, code: "", replaced: {}, site: "north" },
    ...{ briefcase: new Uint8Array(0), handlerMs: 1, memoryMb: 1, briefcaseBytes: 1 },
  };
}

function barred(owner: string, id = "1") {
  const entry = { key: BARRED_KEYS + id, value: { owner, at: 0 }, revision: 1 };
  return { type: "put", entry } as unknown as Parameters<BarredOwners["take"]>[0];
}

const CALL: Invocation = { handler: "append", argument: new Uint8Array(0), message: undefined };

function over(): { owners: BarredOwners; inner: HeldExecutor; executor: Executor } {
  const owners = new BarredOwners(SILENT);
  const inner = new HeldExecutor();
  const { process: executor } = owners.over({ process: inner });
  assert.ok(executor);
  return { owners, inner, executor };
}

test("[A75] what an owner's agents run when it is barred ends without effect, and each call has one result", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(6), async (count, before) => {
      const { owners, inner, executor } = over();
      const instance = await executor.start(programOf("subject:alice"), HOST);
      const results: string[] = [];
      instance.run(Array(count).fill(CALL), (index, { type }) => {
        assert.equal(index, results.length);
        results.push(type);
      });
      const told = Math.min(before, count);
      const { done } = inner.calls[0] ?? assert.fail("it runs");
      for (let index = 0; index < told; index++)
        done(index, { type: "failed", fault: { code: "x", message: "", agent: "a" } });
      owners.take(barred("subject:alice"));
      for (let index = told; index < count; index++)
        done(index, { type: "failed", fault: { code: "late", message: "", agent: "a" } });
      const wanted = Array.from({ length: count }, (_, index) =>
        index < told ? "failed" : "interrupted",
      );
      assert.deepEqual(results, wanted);
      assert.equal((await instance.ended).code, "owner-barred");
      assert.equal(inner.closed, 1);
    }),
  );
});

test("[A75] a barred owner's agents start and ask nothing, others' do, and the owner's do again when it is let", async () => {
  const { owners, inner, executor } = over();
  await executor.start(programOf("subject:alice"), HOST);
  const { host } = inner;
  owners.take(barred("subject:alice"));
  owners.take(barred("site:north", "2"));
  await assert.rejects(host?.call("move", new Uint8Array(0)) ?? assert.fail(), {
    code: "owner-barred",
  });
  await assert.rejects(executor.start(programOf("subject:alice"), HOST), { code: "owner-barred" });
  await assert.rejects(executor.start(programOf("site:north"), HOST), { code: "owner-barred" });
  await executor.start(programOf("subject:bob"), HOST);
  owners.take({ type: "deleted", key: `${BARRED_KEYS}1`, revision: 2 } as never);
  await executor.start(programOf("subject:alice"), HOST);
  await assert.rejects(executor.start(programOf("site:north"), HOST), { code: "owner-barred" });
});

test("[A75] an agent whose owner is barred while it starts does not run", async () => {
  const { owners, inner, executor } = over();
  const starting = executor.start(programOf("subject:alice"), HOST);
  owners.take(barred("subject:alice"));
  await assert.rejects(starting, { code: "owner-barred" });
  assert.equal(inner.closed, 1);
});
