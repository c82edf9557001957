/** [A70] Authors of code, in a simulated session: what ships signs, checks and judges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeanderError } from "../../base/index.ts";
import { makeAuthor } from "../../trust/authors/author.test.support.ts";
import { KEEPS, Session } from "./delivery-session.test.support.ts";

const RELAY = `export default {
  name: "relay",
  isolation: "inline",
  on: { append(ctx, value) { ctx.open("foo").append(value); } },
};`;

test("[A71] a stream's author moves with it, survives its site, and is who appends", async () => {
  const session = await Session.start(3);
  const author = makeAuthor();
  await session.make("foo", "s0");
  const owner = session.shell("s0", "owner");
  await session.do(owner.createStream("bar", { at: "s1", failureManagers: ["s2"] }));
  await session.do(owner.registerAgent("bar", { source: RELAY }, { author }));
  assert.equal(session.record("bar")?.agents[0]?.author, author.id);
  await session.do(
    owner.setPolicy("streams/foo", [
      { effect: "allow", actions: ["append"], author: author.id },
      { effect: "deny", actions: ["append"], reason: "unsigned" },
    ]),
  );
  await session.pass(100);
  await assert.rejects(
    session.do(owner.append("foo", 1, { until: "consumed" })),
    (error: MeanderError) => error.code === "append-denied" && error.what === "unsigned",
  );
  await session.do(owner.append("bar", "first", { until: "consumed" }));
  session.site("s1").kill();
  await session.until(() => session.record("bar")?.site === "s2");
  await session.do(owner.move("bar", "s0"));
  await session.do(owner.append("bar", "second", { until: "consumed" }));
  await session.pass(1_000);
  assert.deepEqual((await session.kept("foo")).got, ["first", "second"]);
  assert.equal(session.record("bar")?.agents[0]?.author, author.id);
});

test("[A70] what was signed for one stream is refused for another, and for other code", async () => {
  const session = await Session.start(2);
  const author = makeAuthor();
  await session.make("foo", "s0");
  await session.make("bar", "s1");
  const port = session.world.shell(session.site("s1"), "eve");
  const issuedAt = port.now();
  const signed = await author.vouch(KEEPS, { kind: "agent", issuedAt, scope: "streams/foo" });
  const attach = (stream: string, source: string) =>
    session.do(
      port.attachAgent(stream, {
        ...{ source, file: undefined, name: "copy", briefcase: undefined, signed },
      }),
    );
  await assert.rejects(attach("bar", KEEPS), { code: "author-foreign" });
  await assert.rejects(attach("foo", RELAY), { code: "author-mismatch" });
  await attach("foo", KEEPS);
  assert.equal(session.record("foo")?.agents.at(-1)?.author, author.id);
});
