/** Every row of docs/spec/access.md that is asked by a shell or by an agent. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkAllTried } from "../access-rows.test.support.ts";
import { connect } from "../client/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { Site } from "./site.ts";
import { TokenSession } from "./token-session.test.support.ts";

const T = { until: "consumed", timeoutMs: 60_000 } as const;

const KEEPER = {
  name: "keeper",
  on: {
    append: (_ctx: unknown, value: unknown) => {
      if (value === "fail") throw new Error("as asked");
      return value;
    },
  },
  onError: { retry: 0 },
};

let session: TokenSession;
/** The owner of `radio`, with `shell` and `code`. */
let alice: Shell;
/** Others with the code of their refusal, of calls that take to control `radio`. */
let others: readonly { readonly who: string; readonly shell: Shell; readonly code: string }[] = [];
/** One who has to do with other streams alone. */
let narrow: Shell;
let admin: Shell;
const shells: Shell[] = [];
const tried = { "shell call": new Set<string>(), "agent verb": new Set<string>() };

async function open(site: Site, token: string, name?: string): Promise<Shell> {
  const shell = await connect(site.url, { token, ...(name === undefined ? {} : { name }) });
  shells.push(shell);
  return shell;
}

before(async () => {
  session = await TokenSession.start();
  const { north, south } = session;
  alice = await open(north, await session.token("alice", ["shell", "code"]), "alice");
  await alice.createStream("radio", { at: "north" });
  await alice.registerAgent("radio", KEEPER);
  await alice.append("radio", "fail", T).catch(() => {});
  const bob = await session.token("bob", ["shell", "code", "policy"], { streams: ["vault*"] });
  const mallory = await session.token("mallory", ["shell", "code"]);
  narrow = await open(north, bob);
  admin = await open(south, session.admin);
  others = [
    { who: "the owner of others", shell: narrow, code: "token-denied" },
    { who: "another subject", shell: await open(north, mallory), code: "denied" },
    { who: "at another site", shell: await open(south, mallory), code: "denied" },
    { who: "the owner's name", shell: await open(south, mallory, "alice"), code: "denied" },
    { who: "the owner's text", shell: await open(south, mallory, "subject-alice"), code: "denied" },
    { who: "the stream's name", shell: await open(south, mallory, "radio"), code: "denied" },
  ];
  await narrow.createStream("vault", { at: "north" });
  await narrow.registerAgent("vault", KEEPER);
});
after(async () => {
  for (const shell of shells) await shell.close();
  await session?.[Symbol.asyncDispose]();
});

/** What can be changed of a stream and its policy, as its owner sees it. */
async function state(stream = "radio"): Promise<unknown> {
  const view = (await admin.streams()).find(({ name }) => name === stream);
  return { view, policies: await admin.policies(), letters: await admin.deadLetters(stream) };
}

type Work = (shell: Shell) => Promise<unknown>;

/** Tries a call as all others, who change nothing by it, and then as the one who may. */
async function owned(call: string, work: Work, may: Shell = alice): Promise<void> {
  const before = await state();
  for (const { who, shell, code } of others) {
    const codes = isPolicy(call) ? ["denied"] : [code, "denied"];
    await assert.rejects(
      work(shell),
      (error: { code: string; message: string }) => {
        assert.ok(codes.includes(error.code), `${call} as ${who}: ${error.code}`);
        assert.match(error.message, /subject:|token of/, "it says who was refused");
        return true;
      },
      `${call} as ${who}`,
    );
  }
  assert.deepEqual(await state(), before, `${call} that is refused changes nothing`);
  await work(may);
  tried["shell call"].add(call);
}

function isPolicy(call: string): boolean {
  return /[pP]olicy/.test(call);
}

const letterOf = async (): Promise<string> => (await alice.deadLetters("radio"))[0]?.id ?? "";

test("[A31] shells append to streams that their token names, and open them", async () => {
  for (const work of [
    (shell: Shell) => shell.append("radio", 1, T),
    (s: Shell) => s.open("radio"),
  ]) {
    await assert.rejects(work(narrow), { code: "token-denied" });
    for (const { shell } of others.slice(1)) await work(shell);
  }
  const seen = async (shell: Shell): Promise<string[]> =>
    (await shell.streams()).map(({ name }) => name).sort();
  assert.deepEqual(await seen(narrow), ["vault"]);
  assert.deepEqual(await seen(alice), ["radio", "vault"]);
  assert.deepEqual((await narrow.sites()).toSorted(), ["north", "south"]);
  await narrow.sleep(1);
  for (const call of ["append", "stream", "streams", "sites", "sleep"])
    tried["shell call"].add(call);
});

test("[A31] [A36] a shell creates streams that its token names, and none with a name in use", async () => {
  await assert.rejects(narrow.createStream("tv"), { code: "token-denied" });
  await assert.rejects(alice.createStream("vault"), { code: "stream-exists" });
  await alice.createStream("tv", { at: "south" });
  await alice.destroy("tv");
  tried["shell call"].add("createStream");
});

const CODE = "(ctx, value) => value";
const CONTROLS: Readonly<Record<string, Work>> = {
  attachAgent: (shell) => shell.registerAgent("radio", KEEPER, { name: "second" }),
  replaceHandler: async (shell) => {
    const radio = await shell.open("radio");
    await radio.agent("second").replaceHandler("append", CODE);
  },
  detachAgent: async (shell) => (await shell.open("radio")).agent("second").detach(),
  move: (shell) => shell.move("radio", "south"),
  inspect: (shell) => shell.inspect("radio"),
  why: async (shell) => shell.why(await letterOf()),
  deadLetter: async (shell) => shell.skip("radio", await letterOf()),
  setPolicy: (shell) =>
    shell.setPolicy("streams/radio", [{ effect: "deny", actions: ["destroy"], by: "stream:*" }]),
  setCodePolicy: (shell) => shell.setPolicy("streams/radio", { on: { judge: () => true } }),
  tryPolicy: (shell) => shell.tryPolicy("streams/radio", []),
  tryCodePolicy: (shell) => shell.tryPolicy("streams/radio", { on: { judge: () => true } }),
  policyHistory: (shell) => shell.policyHistory("streams/radio"),
  rollbackPolicy: (shell) => shell.rollbackPolicy("streams/radio"),
};
for (const [call, work] of Object.entries(CONTROLS))
  test(`[A32] ${call} of a stream is its owner's`, () => owned(call, work));

test("[A33] the policies that a shell is told are those that it may set", async () => {
  assert.deepEqual(Object.keys(await alice.policies()), ["streams/radio"]);
  for (const { who, shell } of others) assert.deepEqual(await shell.policies(), {}, who);
  tried["shell call"].add("policies");
});

test("[A31] evacuating a site takes administer", async () => {
  await admin.move("radio", "north");
  for (const shell of [alice, narrow, ...others.map((each) => each.shell)])
    await assert.rejects(shell.evacuate("north"), { code: "denied" });
  assert.equal((await admin.inspect("radio")).site, "north");
  const { moved } = await admin.evacuate("north");
  assert.equal(moved, 2);
  tried["shell call"].add("evacuate");
});

test("[A35] events of a stream go to those who may inspect it", async () => {
  const told = new Map<Shell, string[]>();
  const stop = new AbortController();
  const readers = [alice, narrow, ...others.slice(1).map(({ shell }) => shell)].map(
    async (shell) => {
      const types: string[] = [];
      told.set(shell, types);
      for await (const event of shell.events({}, { signal: stop.signal }))
        if (event.stream === "radio" || event.stream === "vault") types.push(event.type);
    },
  );
  // The subscription is known at the other site when it tells of an event.
  while (![alice, narrow].every((shell) => (told.get(shell)?.length ?? 0) > 0)) {
    await alice.append("radio", 1, T);
    await narrow.append("vault", 1, T);
    await admin.move("radio", "north");
    await admin.move("vault", "north");
    await admin.move("radio", "south");
    await admin.move("vault", "south");
  }
  stop.abort();
  await Promise.allSettled(readers);
  // Moves are told to all that see the stream; what it says is not.
  for (const { shell, who } of others.slice(1))
    for (const type of told.get(shell) ?? []) assert.match(type, /moved|recovered/, who);
  tried["shell call"].add("subscribe");
});

test("[A32] what agents ask for is theirs, or refused", async () => {
  const imp = {
    name: "imp",
    limits: { handlerMs: 60_000 },
    on: { append: ask },
  };
  await narrow.createStream("vault-imp", { at: "north" });
  await narrow.registerAgent("vault-imp", imp as never);
  const before = await state();
  const { reply } = await narrow.append("vault-imp", "radio", T);
  const denied = { done: false, code: "denied" };
  const done = { done: true };
  const controls = {
    ...{ attachAgent: denied, replaceHandler: denied, detachAgent: denied },
    ...{ move: denied, destroyStream: denied },
  };
  const open = { append: done, stream: done };
  assert.deepEqual(reply, {
    ...open,
    ...controls,
    createStream: { done: false, code: "stream-exists" },
  });
  assert.deepEqual(await state(), before, "what is refused changes nothing");
  const { reply: own } = await narrow.append("vault-imp", "vault-imps-own", T);
  for (const [verb, answer] of Object.entries(own as object)) {
    assert.deepEqual(answer, done, verb);
    tried["agent verb"].add(verb);
  }
});

test("[A32] destroyStream of a stream is its owner's", async () => {
  await alice.setPolicy("streams/radio", []);
  await owned("destroyStream", async (shell) => {
    await shell.destroy("radio");
    if (shell === alice) await alice.createStream("radio", { at: "north" });
  });
});

test("[A31] every row of shells and agents was tried", () => {
  for (const [kind, names] of Object.entries(tried)) checkAllTried([kind], names);
});

/** What an agent has of its session. */
interface Context {
  createStream(name: string, options: object): Promise<unknown>;
  open(name: string): Opened;
}
interface Opened {
  append(value: unknown, options: object): Promise<unknown>;
  location(): Promise<string>;
  registerAgent(agent: object, options: object): Promise<unknown>;
  agent(name: string): {
    replaceHandler(event: string, source: string): Promise<unknown>;
    detach(): Promise<unknown>;
  };
  move(to: string): Promise<unknown>;
  destroy(): Promise<unknown>;
}

/** The handler of an agent that asks for everything: of a stream of others, or of one that it creates. */
async function ask(ctx: Context, name: string): Promise<object> {
  const answers: Record<string, object> = {};
  const attempt = async (verb: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      answers[verb] = { done: true };
    } catch (error) {
      answers[verb] = { done: false, code: (error as { code: string }).code };
    }
  };
  await attempt("createStream", () => ctx.createStream(name, { at: "north" }));
  const agent = { name: "keeper", on: { append: (_ctx: unknown, value: unknown) => value } };
  const prey = ctx.open(name);
  await attempt("attachAgent", () => prey.registerAgent(agent, { name: "sitter" }));
  await attempt("append", () => prey.append(1, { until: "consumed", timeoutMs: 20_000 }));
  await attempt("stream", () => prey.location());
  const sitter =
    answers["attachAgent"] !== undefined && "code" in answers["attachAgent"] ? "keeper" : "sitter";
  await attempt("replaceHandler", () => prey.agent(sitter).replaceHandler("append", "(c, v) => v"));
  await attempt("detachAgent", () => prey.agent(sitter).detach());
  await attempt("move", () => prey.move("south"));
  await attempt("destroyStream", () => prey.destroy());
  return answers;
}
