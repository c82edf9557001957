import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError, SILENT, VirtualClock } from "../../base/index.ts";
import { type MessageSocket, memorySocketPair } from "../../directory/index.ts";
import { connectShell, shellUrlOf } from "./connect-shell.ts";
import { FakeShellPort } from "./shell.test.support.ts";
import type { Shell } from "./shell.ts";
import { ShellServer } from "./shell-server.ts";

const URL = "http://127.0.0.1:7000";

function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A site that says what the test tells it to. */
class ScriptedSite {
  readonly clock = new VirtualClock();
  readonly #near: MessageSocket;
  readonly #far: MessageSocket;
  readonly heard: Record<string, unknown>[] = [];
  isClosed = false;

  constructor() {
    [this.#near, this.#far] = memorySocketPair();
    this.#far.onMessage((text) => void this.heard.push(JSON.parse(text)));
    this.#far.onClose(() => {
      this.isClosed = true;
    });
  }

  connect(options: { name?: string; signal?: AbortSignal } = {}): Promise<Shell> {
    return connectShell(URL, async () => this.#near, { clock: this.clock, ...options });
  }

  say(message: object | string): void {
    this.#far.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  hangUp(): void {
    this.#far.close();
  }

  /** Connected, and greeted. */
  async greeted(): Promise<Shell> {
    const connecting = this.connect();
    await quiet();
    this.say({ type: "hello", protocol: 1, name: "shell-1", site: "north", now: 1_000 });
    return await connecting;
  }

  calls(): { id: number; call: string; args: Record<string, unknown> }[] {
    return this.heard.filter(({ type }) => type === "call") as never;
  }
}

test("a shell's address is that of its site [S1]", () => {
  assert.equal(shellUrlOf("http://127.0.0.1:7000"), "ws://127.0.0.1:7000/shell");
  assert.equal(shellUrlOf("https://relay.example/x?y"), "wss://relay.example/shell");
  assert.equal(shellUrlOf("ws://[::1]:7000/shell"), "ws://[::1]:7000/shell");
  for (const url of ["", "127.0.0.1:7000", "ftp://a", "http://"]) {
    assert.throws(() => shellUrlOf(url), { code: "address-invalid" }, url);
  }
});

test("a shell says its protocol and the name it would like, and takes the one it is given [S5]", async () => {
  const site = new ScriptedSite();
  const connecting = site.connect({ name: "tester" });
  await quiet();
  assert.deepEqual(site.heard, [{ type: "hello", protocol: 1, name: "tester" }]);
  site.say({ type: "hello", protocol: 1, name: "tester-2", site: "north", now: 5 });
  const shell = await connecting;
  assert.deepEqual([shell.name, shell.site], ["tester-2", "north"]);
  await assert.rejects(site.connect({ name: "a>b" }), { code: "option-invalid" });
});

test("a site that refuses, or speaks otherwise, is told with its words, and the socket closed [S5]", async () => {
  const error = { code: "shells-full", what: "no shells here", next: "ask the owner" };
  for (const [answer, message] of [
    [{ type: "refused", error }, /refused the shell: no shells here; ask the owner/],
    [{ type: "hello", protocol: 2, name: "a", site: "b", now: 0 }, /speaks version 2/],
    [{ type: "answer", id: 1, result: null }, /greets no shells/],
    ["<html>", /greets no shells/],
  ] as const) {
    const site = new ScriptedSite();
    const connecting = site.connect();
    await quiet();
    site.say(answer);
    await assert.rejects(connecting, { code: "shell-refused", message });
    await quiet();
    assert.ok(site.isClosed);
  }
});

test("a site that ends the connection, or does not answer the handshake in time, is unreachable [S5]", async () => {
  const gone = new ScriptedSite();
  const connecting = gone.connect();
  await quiet();
  gone.hangUp();
  await assert.rejects(connecting, {
    code: "site-unreachable",
    where: "ws://127.0.0.1:7000/shell",
  });

  const silent = new ScriptedSite();
  const waiting = silent.connect();
  await quiet();
  silent.clock.advance(LIMITS.connectMsMax);
  await assert.rejects(waiting, { code: "site-unreachable" });
  await quiet();
  assert.ok(silent.isClosed);
  assert.deepEqual(silent.clock.pending, []);
});

test("connecting ends with its signal, at every stage, and leaves no socket open [S5]", async () => {
  const site = new ScriptedSite();
  const controller = new AbortController();
  const { signal } = controller;
  const greeting = site.connect({ signal });
  let dialled: (socket: MessageSocket) => void = () => {};
  const slow = new Promise<MessageSocket>((resolve) => {
    dialled = resolve;
  });
  const dialling = connectShell(URL, () => slow, { clock: site.clock, signal });
  await quiet();
  controller.abort(new Error("enough"));
  await assert.rejects(greeting, { message: "enough" });
  await assert.rejects(dialling, { message: "enough" });
  const late = new ScriptedSite();
  const [near, far] = memorySocketPair();
  const closed = new Promise<void>((resolve) => far.onClose(resolve));
  dialled(near);
  await closed;
  assert.ok(site.isClosed);
  await assert.rejects(late.connect({ signal }), { message: "enough" });
});

test("calls whose connection ends fail: those sent may have taken effect, the others were not made [S7]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const sent = Array.from({ length: LIMITS.shellAppendsMax }, () => shell.append("foo", 1));
  const unsent = shell.append("foo", 1);
  const ends = [...sent, unsent].map((append) => failureOf(append));
  const events = shell.events();
  await quiet();
  site.hangUp();
  const errors = await Promise.all(ends);
  for (const { code } of errors) assert.equal(code, "shell-disconnected");
  assert.match(String(errors[0]?.message), /site north: .*may have taken effect/);
  assert.match(String(errors.at(-1)?.message), /was not made/);
  const end = await shell.closed;
  assert.equal((end as MeanderError).code, "shell-disconnected");
  await assert.rejects(events.next(), end);
  await assert.rejects(shell.streams(), { code: "shell-disconnected" });
  await shell.close();
  assert.deepEqual(site.clock.pending, []);
});

test("a site that says what is no message is given up, with the reason [S7]", async () => {
  for (const nonsense of [
    "{",
    "7",
    { type: "shout" },
    { type: "answer", id: "1", result: null },
    { type: "hello", protocol: 1, name: "shell-1", site: "north", now: 0 },
    { type: "part", id: 1, text: "[]", last: true },
    { type: "large", id: 9 },
    `${"[".repeat(100)}${"]".repeat(100)}`,
    " ".repeat(LIMITS.shellMessageBytesMax + 1),
  ]) {
    const site = new ScriptedSite();
    const shell = await site.greeted();
    site.say(nonsense);
    const end = (await shell.closed) as MeanderError;
    assert.equal(end.code, "shell-disconnected");
    await quiet();
    assert.ok(site.isClosed);
  }
});

test("an answer of the wrong shape fails its call alone [S7]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const asking = shell.sites();
  await quiet();
  site.say({ type: "answer", id: site.calls()[0]?.id, result: [7] });
  await assert.rejects(asking, { code: "site-answer-invalid" });
  const again = shell.sites();
  await quiet();
  site.say({ type: "answer", id: site.calls()[1]?.id, result: ["north"] });
  assert.deepEqual(await again, ["north"]);
});

test("further appends wait for room in their order, while other calls go on [S8]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const extra = 3;
  const appends = Array.from({ length: LIMITS.shellAppendsMax + extra }, (_, index) =>
    shell.append(`s${index}`, 1),
  );
  void shell.sites();
  await quiet();
  const sent = site.calls();
  assert.equal(sent.length, LIMITS.shellAppendsMax + 1);
  assert.equal(sent.at(-1)?.call, "sites");
  const answer = (id: number | undefined): void =>
    site.say({ type: "answer", id, result: { id: `shell-1>foo#${id}`, reply: null } });
  for (const { id } of sent.slice(0, extra)) answer(id);
  await quiet();
  assert.deepEqual(
    site
      .calls()
      .slice(-extra)
      .map(({ args }) => args["stream"]),
    [240, 241, 242].map((index) => `s${index}`),
  );
  for (const { call, id } of site.calls()) if (call === "append") answer(id);
  assert.equal((await Promise.all(appends)).length, LIMITS.shellAppendsMax + extra);
});

test("large appends wait for each other, so that a socket never holds many of them [S8]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const large = new Uint8Array(LIMITS.shellMessageBytesMax / 4);
  const appends = Array.from({ length: 4 }, () => shell.append("foo", large));
  await quiet();
  assert.equal(site.calls().length, 1);
  for (let n = 1; n <= 4; n++) {
    site.say({ type: "answer", id: n, result: { id: `a>b#${n}`, reply: null } });
    await quiet();
  }
  await Promise.all(appends);
});

test("what is too large for a message is refused before it is sent [S9]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const huge = shell.append("foo", new Uint8Array(LIMITS.shellMessageBytesMax));
  await assert.rejects(huge, { code: "message-too-large", where: "append" });
  await assert.rejects(shell.open("x".repeat(501)), {
    code: "option-invalid",
    where: "stream.name",
  });
  assert.throws(() => shell.events({ stream: "x".repeat(501) }), { code: "option-invalid" });
  await quiet();
  assert.deepEqual(site.heard, [{ type: "hello", protocol: 1 }]);
});

test("a shell has a bounded number of readers of events [S11]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const readers = Array.from({ length: LIMITS.shellSubscriptionsMax }, () => shell.events());
  assert.throws(() => shell.events(), { code: "shell-busy" });
  await readers[0]?.return();
  shell.events();
});

test("an append that is given up is forgotten by the site too, and one that waits for room is never made [S8]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const { signal, ...controller } = controllerOf();
  const options = { until: "consumed", signal } as const;
  const appends = Array.from({ length: LIMITS.shellAppendsMax + 1 }, () =>
    shell.append("foo", 1, options).catch((error: Error) => error.message),
  );
  await quiet();
  controller.abort();
  assert.deepEqual(new Set(await Promise.all(appends)), new Set(["enough"]));
  await quiet();
  const forgotten = site.heard.filter(({ type }) => type === "forget");
  assert.equal(forgotten.length, LIMITS.shellAppendsMax);
  // Their numbers are taken until the site answers.
  const next = shell.append("foo", 2);
  await quiet();
  assert.equal(site.calls().length, LIMITS.shellAppendsMax);
  site.say({ type: "answer", id: forgotten[0]?.["id"], result: null });
  await quiet();
  assert.equal(site.calls().length, LIMITS.shellAppendsMax + 1);
  const { id } = site.calls().at(-1) ?? {};
  site.say({ type: "answer", id, result: { id: "shell-1>foo#9", reply: null } });
  assert.equal((await next).id, "shell-1>foo#9");
});

test("a site that stops responding is given up at the fourth time of asking [S10]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const asking = failureOf(shell.streams());
  site.clock.advance(LIMITS.shellPingMs * LIMITS.shellSilencesMax);
  await quiet();
  assert.equal(site.heard.filter(({ type }) => type === "ping").length, LIMITS.shellSilencesMax);
  assert.equal(site.isClosed, false);
  site.say({ type: "ping" });
  await quiet();
  assert.equal(site.heard.at(-1)?.["type"], "pong");
  site.clock.advance(LIMITS.shellPingMs * LIMITS.shellSilencesMax);
  await quiet();
  assert.equal(site.isClosed, false);
  site.clock.advance(LIMITS.shellPingMs);
  assert.match((await asking).message, /stopped responding/);
  await quiet();
  assert.ok(site.isClosed);
});

test("the site's time is estimated halfway of an exchange [S10]", async () => {
  const site = new ScriptedSite();
  const connecting = site.connect();
  await quiet();
  site.clock.advance(200);
  site.say({ type: "hello", protocol: 1, name: "shell-1", site: "north", now: 10_000 });
  const shell = await connecting;
  assert.equal(shell.now(), 10_100);
  site.clock.advance(LIMITS.shellPingMs);
  site.say({ type: "pong", now: 50_000 });
  await quiet();
  assert.equal(shell.now(), 50_000);
});

test("closing says so, and waits a while for the site to take note [S1]", async () => {
  const site = new ScriptedSite();
  const shell = await site.greeted();
  const asking = failureOf(shell.streams());
  const closing = shell.close();
  await quiet();
  assert.equal(site.heard.at(-1)?.["type"], "bye");
  site.say({ type: "closed" });
  await closing;
  assert.equal(await shell.closed, undefined);
  assert.equal((await asking).code, "shell-closed");

  const deaf = new ScriptedSite();
  const late = (await deaf.greeted()).close();
  deaf.clock.advance(LIMITS.closeMsMax);
  await late;
  await quiet();
  assert.ok(deaf.isClosed);
  assert.deepEqual(deaf.clock.pending, []);
});

test("large answers are fetched in parts, whatever else is asked meanwhile [S9]", async () => {
  const clock = new VirtualClock();
  const fake = new FakeShellPort(clock);
  const server = new ShellServer(() => fake, { clock, log: SILENT });
  const longest = { text: 0 };
  const shell = await connectShell(
    URL,
    async () => {
      const [near, far] = memorySocketPair();
      server.accept(far);
      return {
        ...bound(near),
        onMessage: (handler) =>
          near.onMessage((text) => {
            longest.text = Math.max(longest.text, text.length);
            handler(text);
          }),
      };
    },
    { clock },
  );
  await shell.createStream("foo");
  const value = { text: 'ä"\\'.repeat(300_000), bytes: new Uint8Array(700_000).fill(7) };
  fake.bury("foo", "a>foo#1", value);
  const [first, second, sites] = await Promise.all([
    shell.deadLetters("foo"),
    shell.inspect("foo"),
    shell.sites(),
  ]);
  assert.deepEqual(first[0]?.value, value);
  assert.deepEqual(second.deadLetters, first);
  assert.deepEqual(sites, ["north", "south"]);
  assert.ok(longest.text > LIMITS.shellAnswerPartMax && longest.text < LIMITS.shellMessageBytesMax);
  for (let n = 2; n < 30; n++) fake.bury("foo", `a>foo#${n}`, new Uint8Array(1_000_000));
  await assert.rejects(shell.inspect("foo"), { code: "answer-too-large" });
  assert.equal((await shell.streams()).length, 1);
});

function bound(socket: MessageSocket): MessageSocket {
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(),
    onMessage: (handler) => socket.onMessage(handler),
    onClose: (handler) => socket.onClose(handler),
  };
}

function controllerOf(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error("enough")) };
}

/** What a promise is rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<MeanderError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof MeanderError);
    return error;
  }
  return assert.fail("it should have failed");
}
