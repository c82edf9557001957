import assert from "node:assert/strict";
import { test } from "node:test";
import { type Caller, LEADER_CALLER, memberCaller } from "../directory/index.ts";
import type { Right, TokenRights } from "./access.ts";
import { attachRequest, ControlWorld, SHELL } from "./control-world.test.support.ts";
import type { AskerClaim, ControlRequests, StreamRecord } from "./stream-records.ts";

/** The tokens of a session that requires them, by their text. */
const TOKENS: Readonly<Record<string, TokenRights>> = {
  "token of alice": tokenOf("alice", ["shell", "code"]),
  "token of bob": tokenOf("bob", ["shell", "code"]),
  "token of ops": tokenOf("ops", ["administer"]),
  "token of dj": tokenOf("dj", ["shell", "code"], ["radio-*"], ["north"]),
  "token of reader": tokenOf("reader", ["shell"]),
  "token of judge": tokenOf("judge", ["policy"], ["radio-*"], ["south"]),
  "viewing token of alice": { ...tokenOf("alice", ["watch"]), channels: ["*"] },
  "token of chief": tokenOf("chief", ["policy"]),
};

function tokenOf(
  name: string,
  can: readonly Right[],
  streams: readonly string[] = ["*"],
  sites: readonly string[] = ["*"],
): TokenRights {
  return { name, can, channels: [], streams, sites };
}

/** A subject that has shown its token. */
function subject(name: string): AskerClaim {
  return { by: `subject:${name}`, label: `shell-of-${name}`, token: `token of ${name}` };
}

const ALICE = subject("alice");
const BOB = subject("bob");
const OPS = subject("ops");
const NORTH = memberCaller("north", undefined);
const SOUTH = memberCaller("south", undefined);

/** A world that requires tokens, with `radio`, which alice created at north, and `deck`, which its agents created. */
async function withTokens(): Promise<ControlWorld> {
  const world = await ControlWorld.make("north", "south");
  world.requireTokens(TOKENS);
  await world.create("radio", "north", ALICE);
  await world.ask("attach-agent", attachRequest("radio", "dj", ALICE), NORTH);
  const made = { ...PLACEMENT, name: "deck", at: "north", by: "stream:radio" };
  await world.ask("create-stream", made, NORTH);
  return world;
}

const PLACEMENT = { durability: { type: "none" }, failureManagers: [] } as const;

/** Each control of a stream, as a request of somebody. */
function controlsOf(
  stream: string,
  asker: AskerClaim,
): readonly (() => [keyof ControlRequests, object])[] {
  const code = "b".repeat(64);
  return [
    () => ["attach-agent", attachRequest(stream, "parasite", asker)],
    () => ["replace-handler", { stream, agent: "dj", event: "append", code, ...asker }],
    () => ["move-stream", { stream, to: "south", deadlineMs: 1_000, ...asker }],
    () => ["detach-agent", { stream, agent: "dj", ...asker }],
    () => ["permit-action", { stream, action: "inspect", ...asker }],
    () => ["permit-action", { stream, action: "dead-letter", ...asker }],
    () => ["destroy-stream", { stream, ...asker }],
    () => ["set-policy", { scope: `streams/${stream}`, rules: [], ...asker }],
  ];
}

/** Asks for all controls of a stream, and checks that each is refused with `code` and that nothing has changed. */
async function refusesAll(
  world: ControlWorld,
  {
    stream,
    asker,
    caller,
    code,
  }: { stream: string; asker: AskerClaim; caller: Caller; code: string },
): Promise<void> {
  const before = JSON.stringify(await world.directory.list(""));
  for (const make of controlsOf(stream, asker)) {
    const [subject, payload] = make();
    const asked = world.ask(subject, payload as never, caller);
    await assert.rejects(asked, { code }, `${asker.by} ${subject} ${stream}`);
  }
  assert.equal(JSON.stringify(await world.directory.list("")), before);
}

test("[A32] who created a stream controls it, and no other subject does", async () => {
  await using world = await withTokens();
  assert.equal((await world.record("radio"))?.owner, "subject:alice");
  const bob = { stream: "radio", asker: BOB, caller: NORTH, code: "denied" };
  await refusesAll(world, bob);
  await refusesAll(world, { ...bob, asker: { ...BOB, label: ALICE.label } });
  const denials = world.events.filter(({ type }) => type === "denied");
  assert.equal(denials.length, 14, "each is told to the stream's events, but for policies");
  for (const make of controlsOf("radio", ALICE)) {
    const [subject, payload] = make();
    if (subject === "detach-agent")
      await world.settled(
        world.ask(
          "move-stream",
          { stream: "radio", to: "north", deadlineMs: 1_000, ...OPS },
          NORTH,
        ),
      );
    if (subject === "set-policy") continue;
    await world.settled(world.ask(subject, payload as never, NORTH));
  }
  assert.equal(await world.where("radio"), "nowhere");
});

test("[A32] agents control their own stream and those that they created, from where they are", async () => {
  await using world = await withTokens();
  assert.equal((await world.record("deck"))?.owner, "stream:radio");
  await world.create("vault", "north", BOB);
  const asker = { by: "stream:radio" };
  await refusesAll(world, {
    stream: "vault",
    ...{ asker: { ...asker, label: "subject-bob" }, caller: NORTH, code: "denied" },
  });
  // Another site cannot speak for it.
  for (const caller of [SOUTH, LEADER_CALLER])
    await refusesAll(world, { stream: "deck", asker, caller, code: "principal-refused" });
  const nobody = memberCaller(undefined, undefined);
  await refusesAll(world, { stream: "deck", asker, caller: nobody, code: "request-denied" });
  await world.settled(
    world.ask("move-stream", { stream: "deck", to: "south", deadlineMs: 1_000, ...asker }, NORTH),
  );
  await world.settled(
    world.ask("move-stream", { stream: "radio", to: "south", deadlineMs: 1_000, ...asker }, NORTH),
  );
  await refusesAll(world, { stream: "deck", asker, caller: NORTH, code: "principal-refused" });
  assert.equal(await world.ask("destroy-stream", { stream: "deck", ...asker }, SOUTH), null);
});

test("[A30] a subject is believed with its token alone, and a site speaks for itself", async () => {
  await using world = await withTokens();
  const refused = (asker: AskerClaim, code: string, caller: Caller = NORTH): Promise<void> =>
    refusesAll(world, { stream: "radio", asker, caller, code });
  await refused({ by: "subject:alice" }, "principal-refused");
  await refused({ by: "subject:alice", token: "token of bob" }, "principal-refused");
  await refused({ by: "subject:alice", token: "token of mallory" }, "token-forged");
  await refused({ by: "anonymous", label: "alice" }, "principal-refused");
  await refused({ by: "anonymous", token: "token of ops" }, "principal-refused");
  await refused({ by: "site:origin" }, "principal-refused");
  await refused({ by: "site:north" }, "denied");
  await refused({ by: "stream:deck" }, "denied");
  await refused({ by: "stream:none" }, "principal-refused");
  for (const by of [
    "alice",
    "",
    "owner",
    "*",
    "subject:",
    "stream:radio~x",
    "subject:al*",
    "site:*",
  ])
    await refused({ by } as AskerClaim, "request-invalid");
});

test("[A31] a subject controls nothing by a token that only watches", async () => {
  await using world = await withTokens();
  const asker = { by: "subject:alice", token: "viewing token of alice" };
  const before = JSON.stringify(await world.directory.list(""));
  for (const make of controlsOf("radio", asker)) {
    const [subject, payload] = make();
    const code = subject === "set-policy" ? "denied" : "token-denied";
    await assert.rejects(world.ask(subject, payload as never, NORTH), { code }, subject);
  }
  assert.equal(JSON.stringify(await world.directory.list("")), before);
});

test("[A32] holders of administer control all, and so does the program of the leading site", async () => {
  for (const [asker, caller] of [
    [OPS, NORTH],
    [{ by: "site:origin" }, LEADER_CALLER],
  ] as const) {
    await using world = await withTokens();
    for (const make of controlsOf("deck", asker).slice(2, 3)) {
      const [subject, payload] = make();
      await world.settled(world.ask(subject, payload as never, caller));
    }
    assert.equal(await world.ask("destroy-stream", { stream: "radio", ...asker }, caller), null);
    await world.ask("set-policy", { scope: "session", rules: [], ...asker }, caller);
  }
});

test("[A31] a token is for the streams and sites that it names, and code is a right of its own", async () => {
  await using world = await withTokens();
  const dj = subject("dj");
  const denied = { code: "token-denied" };
  const create = (name: string, at: string, asker: AskerClaim): Promise<StreamRecord> =>
    world.create(name, at, asker);
  await create("radio-1", "north", dj);
  await assert.rejects(create("tv-1", "north", dj), denied);
  await assert.rejects(create("radio-2", "south", dj), denied);
  const move = { stream: "radio-1", to: "south", deadlineMs: 1_000, ...dj };
  await assert.rejects(world.ask("move-stream", move, NORTH), denied);
  await world.ask("attach-agent", attachRequest("radio-1", "a", dj), NORTH);
  const reader = subject("reader");
  await create("notes", "north", reader);
  await assert.rejects(
    world.ask("attach-agent", attachRequest("notes", "a", reader), NORTH),
    denied,
  );
  const code = "b".repeat(64);
  const replace = { stream: "notes", agent: "a", event: "append", code, ...reader };
  await assert.rejects(world.ask("replace-handler", replace, NORTH), denied);
  await assert.rejects(create("x", "north", subject("judge")), denied);
  assert.equal(await world.where("notes"), "north#1");
});

test("[A33] a policy is set by who has the right for its scope, or owns the stream", async () => {
  await using world = await withTokens();
  await world.create("radio-1", "north", BOB);
  const set = (scope: string, asker: AskerClaim): Promise<unknown> =>
    world.ask("set-policy", { scope, rules: [], ...asker }, NORTH);
  for (const [scope, asker, isAllowed] of [
    ["session", OPS, true],
    ["session", subject("chief"), true],
    ["session", subject("judge"), false],
    ["session", ALICE, false],
    ["sites/south", subject("judge"), true],
    ["sites/north", subject("judge"), false],
    ["sites/north", ALICE, false],
    ["sites/north", { by: "site:north" }, true],
    ["sites/south", { by: "site:north" }, false],
    ["streams/radio-1", subject("judge"), true],
    ["streams/radio", subject("judge"), false],
    ["streams/radio", ALICE, true],
    ["streams/radio", BOB, false],
    ["streams/unmade", ALICE, false],
    ["streams/unmade", OPS, true],
  ] as const) {
    const answer = set(scope, asker);
    if (isAllowed) assert.equal(await answer, null, `${asker.by} sets ${scope}`);
    else await assert.rejects(answer, { code: "denied" }, `${asker.by} sets ${scope}`);
  }
});

test("[A32] a policy of the session or the stream lets others control it, and one by label lets none", async () => {
  await using world = await withTokens();
  const inspect = { stream: "radio", action: "inspect", ...BOB } as const;
  const ask = (): Promise<unknown> => world.ask("permit-action", inspect, SOUTH);
  const set = (scope: string, rule: object): Promise<unknown> => {
    const rules = [{ effect: "allow", actions: ["inspect"], ...rule }];
    return world.ask("set-policy", { scope, rules, ...OPS } as never, NORTH);
  };
  await set("streams/radio", { label: "*" });
  await assert.rejects(ask(), { code: "denied" });
  await set("sites/north", { by: "subject:bob" });
  await assert.rejects(ask(), { code: "denied" });
  await set("streams/radio", { by: "subject:b*" });
  const { permit } = (await ask()) as { permit: string };
  assert.deepEqual(world.site("north").commandsOf("permit").at(-1), {
    ...{ type: "permit", permit, site: "south", stream: "radio", action: "inspect" },
  });
  await world.ask("set-policy", { scope: "streams/radio", rules: [], ...ALICE }, NORTH);
  await assert.rejects(ask(), { code: "denied" });
  await set("session", { by: "subject:bob" });
  await ask();
});

test("a site may have its own streams moved away, and no other's", async () => {
  await using world = await withTokens();
  const evacuate = (site: string, by: string, caller: Caller): Promise<unknown> =>
    world.settled(world.ask("evacuate-site", { site, by }, caller));
  await assert.rejects(evacuate("north", "site:south", SOUTH), { code: "denied" });
  await assert.rejects(evacuate("north", "site:north", SOUTH), { code: "principal-refused" });
  await assert.rejects(world.ask("evacuate-site", { site: "north", ...ALICE }, NORTH), {
    code: "denied",
  });
  assert.deepEqual(await evacuate("north", "site:north", NORTH), { moved: 2, failed: [] });
});

test("whose code is uploaded nobody chooses: it is the asker's, or that of an agent that asks", async () => {
  await using world = await withTokens();
  const request = attachRequest("radio", "late", ALICE);
  const owned = (owner: string, asker: AskerClaim = ALICE): Promise<unknown> => {
    const spec = { ...request.spec, name: `of-${owner.length}`, owner };
    return world.ask("attach-agent", { ...request, spec, ...asker } as never, NORTH);
  };
  for (const owner of ["subject:bob", "alice", "stream:radio", "anonymous:alice@north"])
    await assert.rejects(owned(owner), { code: "request-invalid" }, owner);
  const asAgent = { by: "stream:radio", label: undefined, token: undefined };
  await assert.rejects(owned("subject:bob", asAgent), { code: "request-invalid" });
  await assert.rejects(owned("stream:radio", asAgent), { code: "request-invalid" });
  await owned("subject:alice", asAgent);
});

test("where no token is required shells control everything, and agents what is theirs", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await world.create("two", "north", { label: "shell-2" });
  const shell = { stream: "two", ...SHELL };
  await world.ask("permit-action", { ...shell, action: "inspect" });
  await assert.rejects(world.ask("destroy-stream", { stream: "two", by: "stream:one" }, NORTH), {
    code: "denied",
  });
  assert.equal(await world.ask("destroy-stream", shell), null);
});

test("the owner of a record of an earlier version is nobody, as its name proved nothing", async () => {
  await using world = await withTokens();
  const record = await world.record("radio");
  await world.directory.put("streams/radio", { ...record, owner: "subject" } as never);
  assert.equal((await world.record("radio"))?.owner, "anonymous");
  await refusesAll(world, { stream: "radio", asker: ALICE, caller: NORTH, code: "denied" });
});
