/** Every row of docs/spec/access.md that the leader is asked; of tokens see site/access-directory.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAllTried } from "../access-rows.test.support.ts";
import type { MeanderError } from "../base/index.ts";
import { type Caller, type Json, LEADER_CALLER, memberCaller } from "../directory/index.ts";
import type { Right, TokenRights } from "./access.ts";
import { attachRequest, ControlWorld } from "./control-world.test.support.ts";
import type { AskerClaim } from "./stream-records.ts";

const TOKENS: Readonly<Record<string, TokenRights>> = {
  alice: tokenOf("alice", ["shell", "code"]),
  bob: tokenOf("bob", ["shell", "code", "watch", "publish", "join"]),
  "bob elsewhere": tokenOf("bob", ["policy"], ["tv"], ["south"]),
  "alice without code": tokenOf("alice", ["shell"]),
  "alice elsewhere": tokenOf("alice", ["shell", "code"], ["tv"], ["south"]),
  "alice watches": { ...tokenOf("alice", ["watch"]), channels: ["*"] },
  ops: tokenOf("ops", ["administer"]),
};

function tokenOf(
  name: string,
  can: readonly Right[],
  streams: readonly string[] = ["*"],
  sites: readonly string[] = ["*"],
): TokenRights {
  return { name, can, channels: [], streams, sites };
}

function claim(by: string, token?: string): AskerClaim {
  return { by, label: "shell-1", ...(token === undefined ? {} : { token }) } as AskerClaim;
}

const ALICE = claim("subject:alice", "alice");
const OPS = claim("subject:ops", "ops");
const NORTH = memberCaller("north", undefined);
const SOUTH = memberCaller("south", undefined);

/** Those who are not the owner of a stream, whatever they claim, with the codes of their refusals. */
const OTHERS: readonly (readonly [who: string, AskerClaim, Caller, RegExp])[] = [
  ["another subject", claim("subject:bob", "bob"), NORTH, /^denied$/],
  ["another subject with another token", claim("subject:bob", "bob elsewhere"), NORTH, /denied$/],
  ["the owner's name with no token", claim("subject:alice"), NORTH, /^principal-refused$/],
  [
    "the owner's name with another's token",
    claim("subject:alice", "bob"),
    NORTH,
    /^principal-refused$/,
  ],
  [
    "the owner's name with a forged token",
    claim("subject:alice", "made up"),
    NORTH,
    /^token-forged$/,
  ],
  ["anonymous", claim("anonymous"), NORTH, /^principal-refused$/],
  ["anonymous with a token", claim("anonymous", "alice"), NORTH, /^principal-refused$/],
  ["another site", claim("site:south"), SOUTH, /^denied$/],
  ["a site in another's name", claim("site:north"), SOUTH, /^principal-refused$/],
  ["a site in the leader's name", claim("site:origin"), NORTH, /^principal-refused$/],
  ["a stream of others", claim("stream:vault"), NORTH, /^denied$/],
  ["a stream from where it is not", claim("stream:radio"), SOUTH, /^principal-refused$/],
  ["a stream that there is not", claim("stream:none"), NORTH, /^principal-refused$/],
  [
    "a connection that speaks for no site",
    ALICE,
    memberCaller(undefined, undefined),
    /^request-denied$/,
  ],
];

const tried = new Set<string>();

/** A session that requires tokens, with `radio` of alice and `vault` of bob at north. */
async function makeWorld(): Promise<ControlWorld> {
  const world = await ControlWorld.make("north", "south");
  world.requireTokens(TOKENS);
  await world.create("radio", "north", ALICE);
  await world.ask("attach-agent", attachRequest("radio", "dj", ALICE), NORTH);
  await world.create("vault", "north", claim("subject:bob", "bob"));
  return world;
}

async function everything(world: ControlWorld): Promise<string> {
  return JSON.stringify(await world.directory.list(""));
}

/** Asks; time passes meanwhile. */
function ask(world: ControlWorld, subject: string, payload: object, caller: Caller): Promise<Json> {
  return world.settled(world.leader.handle(subject, payload as Json, caller));
}

/** What is asked of the stream `radio`, in an order in which each can be done. */
const CONTROLS: Readonly<Record<string, (asker: AskerClaim) => object>> = {
  "attach-agent": (asker) => attachRequest("radio", "second", asker),
  "replace-handler": (asker) => ({
    ...{ stream: "radio", agent: "dj", event: "append", code: "b".repeat(64), ...asker },
  }),
  "detach-agent": (asker) => ({ stream: "radio", agent: "dj", ...asker }),
  "permit-action": (asker) => ({ stream: "radio", action: "inspect", ...asker }),
  "judge-action": (asker) => ({ stream: "radio", action: "inspect", ...asker }),
  "set-policy": (asker) => ({ scope: "streams/radio", rules: [], ...asker }),
  "policy-history": (asker) => ({ scope: "streams/radio", ...asker }),
  "rollback-policy": (asker) => ({ scope: "streams/radio", number: 0, ...asker }),
  "try-policy": (asker) => ({ scope: "streams/radio", rules: [], ...asker }),
  "move-stream": (asker) => ({ stream: "radio", to: "south", deadlineMs: 1_000, ...asker }),
  "destroy-stream": (asker) => ({ stream: "radio", ...asker }),
};

for (const [subject, make] of Object.entries(CONTROLS))
  test(`[A32] ${subject}: its owner may, and no other, whatever they claim`, async () => {
    await using world = await makeWorld();
    const before = await everything(world);
    for (const [who, asker, caller, code] of OTHERS)
      await assert.rejects(
        ask(world, subject, make(asker), caller),
        (error: MeanderError) => {
          assert.match(error.code, code, who);
          assert.ok(error.what.length > 10, "it says why");
          return true;
        },
        `${who} asks for ${subject}`,
      );
    assert.equal(await everything(world), before, "what was refused has changed nothing");
    // A token of the owner that is for something else.
    for (const token of ["alice watches", "alice elsewhere"])
      await assert.rejects(ask(world, subject, make(claim("subject:alice", token)), NORTH), {
        code: /denied$/,
      });
    assert.equal(await everything(world), before);
    await ask(world, subject, make(ALICE), NORTH);
    tried.add(subject);
  });

test("[A31] code is a right of its own", async () => {
  await using world = await makeWorld();
  const asker = claim("subject:alice", "alice without code");
  for (const subject of ["attach-agent", "replace-handler"] as const)
    await assert.rejects(ask(world, subject, CONTROLS[subject]?.(asker) ?? {}, NORTH), {
      code: "token-denied",
    });
});

test("[A31] create-stream takes shell for the stream and the site", async () => {
  await using world = await makeWorld();
  const before = await everything(world);
  const create = (asker: AskerClaim, caller: Caller = NORTH): Promise<unknown> =>
    ask(
      world,
      "create-stream",
      {
        ...{ name: "film", at: "north", durability: { type: "none" }, failureManagers: [] },
        ...asker,
      },
      caller,
    );
  for (const [asker, caller, code] of [
    [claim("subject:alice", "alice elsewhere"), NORTH, "token-denied"],
    [claim("subject:alice", "alice watches"), NORTH, "token-denied"],
    [claim("subject:alice", "bob"), NORTH, "principal-refused"],
    [claim("anonymous"), NORTH, "principal-refused"],
    [claim("stream:vault"), SOUTH, "principal-refused"],
    [ALICE, memberCaller(undefined, undefined), "request-denied"],
  ] as const)
    await assert.rejects(create(asker, caller), { code });
  assert.equal(await everything(world), before);
  await create(ALICE);
  assert.equal((await world.record("film"))?.owner, "subject:alice");
  tried.add("create-stream");
});

test("[A31] evacuate-site takes administer, or the site itself", async () => {
  await using world = await makeWorld();
  const evacuate = (asker: AskerClaim, caller: Caller = NORTH): Promise<unknown> =>
    ask(world, "evacuate-site", { site: "north", ...asker }, caller);
  for (const [who, asker, caller] of [...OTHERS, ["the owner of a stream", ALICE, NORTH]] as const)
    await assert.rejects(evacuate(asker, caller), { code: /refused|denied|forged/ }, who);
  assert.equal(await world.where("radio"), "north#1");
  assert.deepEqual(await evacuate(claim("site:north")), { moved: 2, failed: [] });
  await assert.doesNotReject(evacuate(OPS));
  tried.add("evacuate-site");
});

test("set-keeper takes to be the site where the stream is; settle-move takes to be a member", async () => {
  await using world = await makeWorld();
  const record = await world.record("radio");
  assert.ok(record !== undefined);
  const { id, streamEpoch } = record;
  const before = await everything(world);
  for (const caller of [SOUTH, memberCaller(undefined, undefined)])
    await assert.rejects(ask(world, "set-keeper", { id, streamEpoch, keeper: "south" }, caller), {
      code: /refused|denied/,
    });
  await assert.rejects(
    ask(world, "settle-move", { id, move: "m" }, memberCaller(undefined, undefined)),
    { code: "request-denied" },
  );
  assert.equal(await everything(world), before);
  await ask(world, "set-keeper", { id, streamEpoch, keeper: "south" }, NORTH);
  await ask(world, "settle-move", { id, move: "m" }, NORTH);
  tried.add("set-keeper").add("settle-move");
});

test("[A41] a member joins, leaves, and opens and closes channels in its own name", async () => {
  await using world = await makeWorld();
  const self = (name: string): object => ({
    ...{ name, instance: 77, pid: 1, version: "1", startedAt: 1 },
    http: { host: "127.0.0.1", port: 1 },
    udp: { host: "127.0.0.1", port: 1 },
  });
  const WEST = memberCaller("west", undefined);
  const lease = await world.directory.grantLease(60_000);
  const before = await everything(world);
  for (const [subject, payload] of [
    ["join", { site: self("south"), lease: lease.id }],
    ["join", { site: self("origin"), lease: lease.id }],
    ["leave", { name: "south", instance: world.site("south").instance }],
    ["open-channel", { name: "studio", ingest: "south" }],
    ["close-channel", { name: "studio", ingest: "south" }],
    ["close-channel", { name: "studio" }],
  ] as const)
    for (const caller of [WEST, memberCaller(undefined, undefined)])
      await assert.rejects(
        ask(world, subject, payload, caller),
        { code: "request-denied" },
        subject,
      );
  assert.equal(await everything(world), before);
  await ask(world, "join", { site: self("west"), lease: lease.id }, WEST);
  await ask(world, "open-channel", { name: "studio", ingest: "west" }, WEST);
  await ask(world, "close-channel", { name: "studio", ingest: "west" }, WEST);
  await ask(world, "close-channel", { name: "studio" }, LEADER_CALLER);
  await ask(world, "leave", { name: "west", instance: 77 }, WEST);
  for (const subject of ["join", "leave", "open-channel", "close-channel"]) tried.add(subject);
});

test("[A31] every row of the leader was tried", () => {
  const ofTokens = ["create-token", "list-tokens", "revoke-tokens", "renew-membership"];
  checkAllTried(["leader request"], [...tried, ...ofTokens]);
});
