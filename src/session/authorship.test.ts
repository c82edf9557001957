import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeanderError } from "../base/index.ts";
import { memberCaller } from "../directory/index.ts";
import { checkAtOnce, makeAuthor, sha256Of } from "../trust/authors/author.test.support.ts";
import type { Author } from "../trust/index.ts";
import { agentSpec, ControlWorld, SHELL } from "./control-world.test.support.ts";
import type { ControlRequests, StreamRecord } from "./stream-records.ts";

const NORTH = memberCaller("north", undefined);
const SOURCE = "export default { on: { append: () => 1 } };\n";
const CODE = agentSpec("dj").code;
const OWNED = { ...SHELL, label: "shell-1" };

/** A world in which the code of every agent was made of {@link SOURCE}. */
async function makeWorld(): Promise<ControlWorld> {
  const world = await ControlWorld.make("north", "south");
  world.authors = { signature: checkAtOnce, sourceHash: async () => sha256Of(SOURCE) };
  await world.create("radio", "north");
  return world;
}

async function envelope(world: ControlWorld, author: Author, kind = "agent", source = SOURCE) {
  const issuedAt = world.clock.wall();
  return await author.vouch(source, { kind, issuedAt, scope: "streams/radio" });
}

function attach(name: string, signed: unknown): ControlRequests["attach-agent"] {
  const spec = { ...agentSpec(name), owner: "anonymous:shell-1@north" };
  return { stream: "radio", spec, briefcase: "wA==", signed, ...OWNED };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "none",
    (error: MeanderError) => error.code,
  );
}

async function recordOf(world: ControlWorld): Promise<StreamRecord> {
  return (await world.directory.get("streams/radio"))?.value as unknown as StreamRecord;
}

test("[A70] the record of an agent has who signed it, whatever its spec says", async () => {
  await using world = await makeWorld();
  const author = makeAuthor();
  const signed = await envelope(world, author);
  await world.ask("attach-agent", attach("dj", signed), NORTH);
  await world.ask("attach-agent", attach("vj", undefined), NORTH);
  const { agents } = await recordOf(world);
  assert.deepEqual(
    agents.map((agent) => agent.author),
    [author.id, undefined],
  );
});

test("[A70] an envelope that is not for the code that came is refused, counted, and changes nothing", async () => {
  await using world = await makeWorld();
  const author = makeAuthor();
  const good = await envelope(world, author);
  const cases: readonly [string, unknown][] = [
    ["author-mismatch", await envelope(world, author, "agent", "other")],
    ["author-mismatch", await envelope(world, author, "handler")],
    ["author-forged", { ...good, author: makeAuthor().id }],
    ["author-malformed", { ...good, signature: "" }],
    ["author-malformed", "signed"],
  ];
  const before = await recordOf(world);
  for (const [code, signed] of cases)
    assert.equal(await codeOf(world.ask("attach-agent", attach("dj", signed), NORTH)), code);
  assert.deepEqual(await recordOf(world), before);
  assert.deepEqual(world.leader.refusedAuthors, {
    "author-forged": 1,
    "author-malformed": 2,
    "author-mismatch": 2,
  });
});

test("[A71] a replaced handler takes the author from an agent, unless the same one signed it", async () => {
  await using world = await makeWorld();
  const author = makeAuthor();
  await world.ask("attach-agent", attach("dj", await envelope(world, author)), NORTH);
  const replace = async (by: Author | undefined): Promise<void> => {
    const signed = by === undefined ? undefined : await envelope(world, by, "handler");
    const about = { stream: "radio", agent: "dj", event: "append", code: CODE, signed };
    await world.ask("replace-handler", { ...about, ...OWNED }, NORTH);
  };
  const policy = [
    { effect: "deny", actions: ["create"], by: "stream:radio" },
    { effect: "allow", actions: ["create"] },
  ];
  const byAuthor = [{ effect: "allow", actions: ["create"], author: author.id }, ...policy];
  await world.ask("set-policy", { scope: "session", rules: byAuthor as never, ...SHELL });
  const create = (name: string): Promise<string> =>
    codeOf(
      world.ask(
        "create-stream",
        {
          ...{ name, at: "north", durability: { type: "none" }, failureManagers: [] },
          by: "stream:radio",
        },
        NORTH,
      ),
    );
  assert.equal(await create("one"), "none");
  await replace(makeAuthor());
  assert.equal(await create("two"), "denied");
  await replace(author);
  assert.equal(await create("two"), "none");
  await replace(undefined);
  assert.equal(await create("three"), "denied");
});

test("[A72] policies match the author of the code that is brought, not of what asks", async () => {
  await using world = await makeWorld();
  const author = makeAuthor();
  const rules = [
    { effect: "allow", actions: ["attach", "replace"], author: author.id },
    { effect: "deny", actions: ["attach", "replace"], reason: "sign it" },
  ];
  await world.ask("set-policy", { scope: "session", rules: rules as never, ...SHELL });
  const signed = await envelope(world, author);
  const other = await envelope(world, makeAuthor());
  assert.equal(await codeOf(world.ask("attach-agent", attach("dj", undefined), NORTH)), "denied");
  assert.equal(await codeOf(world.ask("attach-agent", attach("dj", other), NORTH)), "denied");
  assert.equal(await codeOf(world.ask("attach-agent", attach("dj", signed), NORTH)), "none");
  // The agent that is signed brings code that is not.
  const brought = { ...attach("vj", undefined), by: "stream:radio" };
  assert.equal(await codeOf(world.ask("attach-agent", brought, NORTH)), "denied");
});

test("[A71] the author stays when the stream moves", async () => {
  await using world = await makeWorld();
  const author = makeAuthor();
  await world.ask("attach-agent", attach("dj", await envelope(world, author)), NORTH);
  await world.ask("move-stream", { stream: "radio", to: "south", deadlineMs: 5_000, ...SHELL });
  const { site, agents } = await recordOf(world);
  assert.equal(site, "south");
  assert.equal(agents[0]?.author, author.id);
});
