import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { StreamEvent } from "../agent/index.ts";
import { connect } from "../client/index.ts";
import type { Right } from "../session/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { Site } from "./site.ts";
import { TokenSession } from "./token-session.test.support.ts";

const T = { until: "consumed", timeoutMs: 60_000 } as const;

let session: TokenSession;
let north: Site;
let south: Site;
const shells: Shell[] = [];

/** The streams `radio` and `radio-2` are alice's, `vault` is bob's. */
before(async () => {
  session = await TokenSession.start();
  ({ north, south } = session);
  alice = await open(north, "alice");
  bob = await open(south, "bob");
  await alice.createStream("radio", { at: "north" });
  await alice.registerAgent("radio", KEEPER);
  await bob.createStream("vault", { at: "north" });
  await bob.registerAgent("vault", KEEPER);
});

after(async () => {
  for (const shell of shells) await shell.close();
  await session?.[Symbol.asyncDispose]();
});

let alice: Shell;
let bob: Shell;

const KEEPER = {
  name: "keeper",
  briefcase: { pin: 4711 },
  on: {
    append: (ctx: { log(value: unknown): void }, value: unknown) => {
      ctx.log("it has come");
      if (value === "fail") throw new Error("as asked");
      return value;
    },
  },
  onError: { retry: 0 },
};

const made = new Map<string, string>();

/** A shell of a subject, which has `shell` and `code` unless something else is said. */
async function open(
  site: Site,
  name: string,
  options: {
    readonly can?: readonly Right[];
    readonly streams?: readonly string[];
    readonly sites?: readonly string[];
    readonly label?: string;
  } = {},
): Promise<Shell> {
  const { can = ["shell", "code"], streams = ["*"], sites = ["*"], label } = options;
  const token = made.get(name) ?? (await session.token(name, can, { streams, sites }));
  made.set(name, token);
  const shell = await connect(site.url, { token, ...(label === undefined ? {} : { name: label }) });
  shells.push(shell);
  return shell;
}

async function refused(what: string, work: Promise<unknown>, code: string | RegExp): Promise<void> {
  await assert.rejects(work, { code }, what);
}

/** All that only who controls a stream may do. */
async function controlsAreRefused(shell: Shell, stream: string, code: string): Promise<void> {
  const { agents } = (await shell.streams()).find(({ name }) => name === stream) ?? { agents: [] };
  const ref = await shell.open(stream);
  const keeper = ref.agent("keeper");
  await refused("attach", ref.registerAgent(KEEPER, { name: "parasite" }), code);
  await refused("replace", keeper.replaceHandler("append", "(ctx) => ctx.briefcase"), code);
  await refused("detach", keeper.detach(), code);
  await refused("move", ref.move("south"), code);
  await refused("inspect", shell.inspect(stream), code);
  await refused("why", shell.why(`x>${stream}#1`), code);
  await refused("skip", shell.skip(stream, `x>${stream}#1`), code);
  await refused("retry", shell.retry(stream, `x>${stream}#1`), code);
  await refused("replay", shell.replay(stream, `x>${stream}#1`, 2), code);
  await refused("policy", shell.setPolicy(`streams/${stream}`, []), code);
  await refused("destroy", ref.destroy(), code);
  const now = (await shell.streams()).find(({ name }) => name === stream);
  assert.deepEqual(now?.agents, agents);
  assert.equal(now?.site, "north");
}

test("[A32] [A34] a stream is its owner's, at whichever site the others ask", async () => {
  await controlsAreRefused(bob, "radio", "denied");
  await controlsAreRefused(alice, "vault", "denied");
  assert.deepEqual((await alice.inspect("radio")).briefcases, { keeper: { pin: 4711 } });
  // Bob's stream is at the other site.
  assert.deepEqual((await bob.inspect("vault")).briefcases, { keeper: { pin: 4711 } });
  const failing = bob.append("vault", "fail", T);
  await assert.rejects(failing);
  const [letter] = await bob.deadLetters("vault");
  assert.ok(letter !== undefined);
  await refused("skip", alice.skip("vault", letter.id), "denied");
  assert.match((await bob.why(letter.id)).state, /dead-lettered/);
  await bob.skip("vault", letter.id);
  assert.deepEqual(await bob.deadLetters("vault"), []);
});

test("[A30] [A36] a name that a shell chooses makes it nobody else", async () => {
  const label = alice.name;
  const asAlice = await open(south, "mallory", { label });
  assert.equal(asAlice.name, label, "at another site it is free, and counts for nothing");
  await controlsAreRefused(asAlice, "radio", "denied");
  for (const wanted of [label, "radio"]) {
    const { name } = await open(north, "mallory", { label: wanted });
    assert.notEqual(name, wanted, "a name of another shell of the site, or of a stream");
    assert.ok(name.startsWith(`${wanted}-`));
  }
  const named = await open(north, "mallory", { label: "free" });
  await refused("a shell's", named.createStream("free", { at: "north" }), "name-taken");
});

test("[A30] the same subject controls its streams with any token of it, from any site, after any time", async () => {
  await alice.createStream("radio-2", { at: "south" });
  made.delete("alice");
  const again = await open(south, "alice", { label: "another-label" });
  await again.move("radio-2", "north");
  await again.destroy("radio-2");
});

test("[A32] holders of administer control all, and whom a policy names what it says", async () => {
  const ops = await connect(south.url, { token: session.admin });
  shells.push(ops);
  assert.equal((await ops.inspect("radio")).name, "radio");
  await refused("bob", bob.inspect("radio"), "denied");
  await ops.setPolicy("streams/radio", [
    { effect: "allow", actions: ["inspect"], by: "subject:bob" },
    { effect: "deny", actions: ["append"], by: "subject:bob", reason: "read only" },
  ]);
  const seen = async (): Promise<boolean> => "streams/radio" in (await ops.policies());
  while (!(await seen())) await ops.sleep(20);
  assert.deepEqual(await bob.policies(), {}, "rules are told to those who may set them");
  assert.ok("streams/radio" in (await alice.policies()));
  assert.equal((await bob.inspect("radio")).name, "radio");
  await assert.rejects(bob.append("radio", 1, T), { code: "append-denied", message: /read only/ });
  const asBob = await open(south, "mallory", { label: "subject-bob" });
  assert.equal((await asBob.append("radio", 5, T)).reply, 5);
  await ops.setPolicy("streams/radio", []);
  while (await seen()) await ops.sleep(20);
});

test("[A31] a token is for the streams and sites that it names, and code is a right of its own", async () => {
  await refused(
    "at another site",
    open(south, "dj", { streams: ["radio*"], sites: ["north"] }),
    "token-denied",
  );
  const dj = await open(north, "dj");
  assert.deepEqual(
    (await dj.streams()).map(({ name }) => name),
    ["radio"],
  );
  await refused("open", dj.open("vault"), "token-denied");
  await refused("append", dj.append("vault", 1), "token-denied");
  await refused("create", dj.createStream("tv"), "token-denied");
  await refused("elsewhere", dj.createStream("radio-9", { at: "south" }), "token-denied");
  assert.equal((await dj.append("radio", 2, T)).reply, 2);
  await refused("evacuate", dj.evacuate("south"), "denied");
  await refused("session policy", dj.setPolicy("session", []), "denied");
  const reader = await open(north, "reader", { can: ["shell"] });
  await reader.createStream("notes", { at: "north" });
  await refused("code", reader.registerAgent("notes", KEEPER), "token-denied");
  await reader.destroy("notes");
  for (const right of ["watch", "publish", "join", "code", "policy"] as const) {
    const name = `only-${right}`;
    await refused(
      right,
      connect(north.url, { token: await session.token(name, [right]) }),
      "token-denied",
    );
  }
});

test("[A35] events of a stream are told to those who may inspect it", async () => {
  const read = (shell: Shell, events: StreamEvent[]): AbortController => {
    const stop = new AbortController();
    void (async () => {
      for await (const event of shell.events({}, { signal: stop.signal })) events.push(event);
    })().catch(() => {
      // It was stopped.
    });
    return stop;
  };
  const [ofAlice, ofBob]: StreamEvent[][] = [[], []];
  assert.ok(ofAlice !== undefined && ofBob !== undefined);
  const readers = [read(alice, ofAlice), read(bob, ofBob)];
  // The subscription is known at the other site when it tells of an event.
  for (let n = 0; !ofBob.some(({ type }) => type === "destroyed"); n++) {
    await alice.createStream(`told-${n}`, { at: "north" });
    await alice.append("radio", n, T);
    await alice.destroy(`told-${n}`);
    await alice.sleep(50);
  }
  await bob.append("vault", "mine", T);
  while (!ofBob.some(({ type, stream }) => type === "output" && stream === "vault"))
    await bob.sleep(20);
  for (const reader of readers) reader.abort();
  const typesOf = (events: StreamEvent[], stream: string): string[] => [
    ...new Set(events.filter((each) => each.stream === stream).map(({ type }) => type)),
  ];
  assert.ok(typesOf(ofAlice, "radio").includes("output"));
  assert.deepEqual(typesOf(ofBob, "radio"), []);
  assert.deepEqual(typesOf(ofAlice, "vault"), []);
});

test("[A32] agents act for their stream: they control it and what they create", async () => {
  const agent = {
    name: "imp",
    limits: { handlerMs: 60_000 },
    on: {
      append: async (ctx: {
        open(name: string): Control;
        createStream(name: string): Promise<unknown>;
      }) => {
        const codeOf = async (work: () => Promise<unknown>): Promise<string> => {
          try {
            await work();
            return "done";
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        const prey = ctx.open("vault");
        await ctx.createStream("imps-own");
        return {
          replace: await codeOf(() => prey.agent("keeper").replaceHandler("append", "() => 1")),
          detach: await codeOf(() => prey.agent("keeper").detach()),
          move: await codeOf(() => prey.move("south")),
          destroy: await codeOf(() => prey.destroy()),
          own: await codeOf(() => ctx.open("imps-own").destroy()),
        };
      },
    },
  };
  await alice.createStream("imp", { at: "north" });
  await alice.registerAgent("imp", agent as never);
  const { reply } = await alice.append("imp", 1, T);
  const no = "denied";
  assert.deepEqual(reply, { replace: no, detach: no, move: no, destroy: no, own: "done" });
  assert.equal((await bob.append("vault", "still", T)).reply, "still");
});

/** What the agent above uses of a stream. */
interface Control {
  agent(name: string): {
    replaceHandler(event: string, source: string): Promise<unknown>;
    detach(): Promise<unknown>;
  };
  move(to: string): Promise<unknown>;
  destroy(): Promise<unknown>;
}
