/** Every row of docs/spec/access.md that a member calls of the directory, and what it asks the leader about tokens. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { accessRows, checkAllTried } from "../access-rows.test.support.ts";
import { connect, SiteClient } from "../client/index.ts";
import { TokenSession } from "./token-session.test.support.ts";

interface Answer {
  readonly type: string;
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string };
}

/** A client of the directory that sends what it likes. */
class RawClient {
  readonly #socket: WebSocket;
  readonly answers: Answer[] = [];
  #next = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    // Each that waits has its own.
    socket.setMaxListeners(0);
    socket.on("message", (data: Buffer) =>
      this.answers.push(JSON.parse(data.toString()) as Answer),
    );
  }

  static async open(hello: object): Promise<RawClient> {
    const socket = new WebSocket(`${session.north.url.replace("http", "ws")}/directory`);
    await once(socket, "open");
    const client = new RawClient(socket);
    clients.push(client);
    client.send({ type: "hello", protocol: 1, ...hello });
    await client.until(({ type }) => type === "hello" || type === "goodbye");
    return client;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The code of the refusal; undefined: it was done. */
  async call(type: string, rest: object): Promise<string | undefined> {
    return (await this.answered(type, rest)).error?.code;
  }

  async answered(type: string, rest: object): Promise<Answer> {
    const id = ++this.#next;
    this.send({ type, id, ...rest });
    return this.until((each) => each.id === id || each.type === "goodbye");
  }

  async until(isIt: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const found = this.answers.find(isIt);
      if (found !== undefined) return found;
      const ended = once(this.#socket, "close").then(() => {
        if (!this.answers.some(isIt)) throw new Error("the connection ended");
      });
      ended.catch(() => {});
      await Promise.race([once(this.#socket, "message"), ended]);
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}

let session: TokenSession;
/** Speaks for the site west; for no site; and for east, with a token of its own. */
let west: RawClient;
let nameless: RawClient;
let east: RawClient;
let westToken: string;
let eastToken: string;
const clients: RawClient[] = [];
const tried = new Set<string>();

before(async () => {
  session = await TokenSession.start();
  westToken = await session.token("of west", ["join"]);
  eastToken = await session.token("of east", ["join"]);
  west = await RawClient.open({ token: westToken, site: "west" });
  east = await RawClient.open({ token: eastToken, site: "east" });
  nameless = await RawClient.open({ token: eastToken });
});
after(async () => {
  for (const client of clients) client.close();
  await session?.[Symbol.asyncDispose]();
});

const DENIED = "directory-denied";

test("[A40] hello takes the right to join, for a name that is not another token's", async () => {
  const goodbye = async (hello: object): Promise<string | undefined> => {
    const client = await RawClient.open(hello);
    return client.answers[0]?.error?.code;
  };
  assert.equal(west.answers[0]?.type, "hello");
  assert.equal(await goodbye({ site: "x" }), "token-required");
  assert.equal(
    await goodbye({ token: await session.token("v", ["watch"]), site: "x" }),
    "token-denied",
  );
  assert.equal(await goodbye({ token: westToken, site: "south" }), "site-name-owned");
  assert.equal(await goodbye({ token: westToken, site: "north" }), "site-name-taken");
  assert.equal(await goodbye({ token: eastToken, site: "east" }), undefined);
  tried.add("hello");
  west.send({ type: "ping" });
  await west.until(({ type }) => type === "pong");
  tried.add("ping");
});

test("[A42] a member reads, lists and watches what it may read", async () => {
  for (const key of ["sites/north", "policy/session", "streams/x", "access/policy", "config/west"])
    assert.equal(await west.call("get", { key }), undefined, key);
  for (const key of [
    "access/tokens/x",
    "access/members/south",
    "ids/stream",
    "leader",
    "config/south",
  ])
    assert.equal(await west.call("get", { key }), DENIED, key);
  assert.equal(await west.call("get", { key: "session" }), undefined);
  assert.equal(await nameless.call("get", { key: "session" }), DENIED);
  const all = await west.answered("list", { prefix: "", after: "" });
  const text = JSON.stringify(all.result);
  assert.match(text, /sites\/north/);
  assert.doesNotMatch(text, /access\/tokens|access\/members|"ids\/|config\/south/);
  for (const prefix of ["access/tokens/", "access/members/", "ids/"]) {
    assert.equal(await west.call("list", { prefix, after: "" }), DENIED, prefix);
    assert.equal(await west.call("watch", { watch: 9, prefix }), DENIED, prefix);
  }
  assert.equal(await west.call("watch", { watch: 1, prefix: "sites/" }), undefined);
  assert.equal(await west.call("unwatch", { watch: 1 }), undefined);
  for (const call of ["get", "list", "watch", "unwatch"]) tried.add(call);
});

test("[A42] a member writes its own configuration, and nothing else", async () => {
  const value = { upstreams: [] };
  const foreign = [
    ...["config/south", "sites/west", "sites/south", "streams/x", "channels/x", "policy/session"],
    ...["policy/streams/x", "policy/sites/west", "session", "leader", "access/policy"],
    ...["access/revoked/x", "access/members/south", "access/tokens/x", "ids/stream", "new/key"],
  ];
  const admin = new SiteClient(session.north.url, { token: session.admin });
  const before = JSON.stringify([await admin.session(), await admin.streams()]);
  for (const key of foreign) {
    assert.equal(await west.call("put", { key, value }), DENIED, key);
    assert.equal(await west.call("compare-and-set", { key, expected: 0, value }), DENIED, key);
    assert.equal(await west.call("delete", { key }), DENIED, key);
  }
  assert.equal(JSON.stringify([await admin.session(), await admin.streams()]), before);
  assert.equal(await nameless.call("put", { key: "config/west", value }), DENIED);
  assert.equal(await east.call("put", { key: "config/west", value }), DENIED);
  assert.equal(await west.call("put", { key: "config/west", value }), undefined);
  const held = await west.answered("get", { key: "config/west" });
  const { revision } = held.result as { revision: number };
  assert.equal(
    await west.call("compare-and-set", { key: "config/west", expected: revision, value }),
    undefined,
  );
  assert.equal(await west.call("delete", { key: "config/west" }), undefined);
  for (const call of ["put", "compare-and-set", "delete"]) tried.add(call);
});

test("[D25] a lease is renewed and ended by the connection that it was granted to", async () => {
  const granted = await west.answered("grant-lease", { ttlMs: 60_000 });
  const { id: lease } = granted.result as { id: string };
  for (const call of ["renew-lease", "revoke-lease"] as const)
    assert.notEqual(await east.call(call, { lease }), undefined, call);
  assert.equal(await west.call("renew-lease", { lease }), undefined);
  assert.equal(await west.call("revoke-lease", { lease }), undefined);
  for (const call of ["grant-lease", "renew-lease", "revoke-lease"]) tried.add(call);
});

test("[A43] members put blobs, and get them by their hash", async () => {
  const put = await west.answered("put-blob", {
    ...{ upload: 1, bytes: 3, offset: 0, data: Buffer.from("abc").toString("base64") },
  });
  assert.equal(put.error, undefined);
  const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const got = await east.answered("get-blob", { sha256, offset: 0 });
  assert.match(JSON.stringify(got.result), new RegExp(Buffer.from("abc").toString("base64")));
  tried.add("put-blob").add("get-blob");
});

test("[A41] [D25] a member takes the leader's calls to its own site, and answers those alone", async () => {
  const calls = new SiteClient(session.north.url, { token: session.admin });
  const thief = await RawClient.open({ token: eastToken, site: "east-2" });
  // What is not answered is known to have been judged when a later call is.
  thief.send({ type: "serve", site: "south", instance: 1 });
  const { error } = await thief.answered("get", { key: "sites/north" });
  if (error === undefined)
    assert.deepEqual((await calls.session()).sites.map(({ name }) => name).sort(), [
      "north",
      "south",
    ]);
  // South still answers its leader: its stream is made where it is.
  const shell = await connect(session.north.url, { token: session.admin });
  await shell.createStream("at-south", { at: "south" });
  east.send({ type: "serve", site: "east", instance: 7 });
  east.send({ type: "called", id: 99, result: { forged: true } });
  east.send({ type: "call-refused", id: 99, error: { code: "x", what: "x" } });
  assert.equal((await shell.inspect("at-south")).site, "south");
  east.send({ type: "unserve" });
  await shell.destroy("at-south");
  await shell.close();
  for (const call of ["serve", "unserve", "called", "call-refused"]) tried.add(call);
});

test("[A9] [A41] what a member asks the leader is asked in its own name, and of tokens with administer", async () => {
  const request = (
    client: RawClient,
    subject: string,
    payload: object,
  ): Promise<string | undefined> => client.call("request", { subject, payload });
  const make = { name: "boss", can: ["administer"], channels: [], expiresInMs: 60_000 };
  for (const authority of [westToken, await session.token("w", ["watch", "publish", "policy"])]) {
    assert.equal(await request(west, "create-token", { ...make, authority }), "token-denied");
    assert.equal(await request(west, "list-tokens", { authority }), "token-denied");
    assert.equal(
      await request(west, "revoke-tokens", { authority, name: "south" }),
      "token-denied",
    );
  }
  for (const subject of ["create-token", "list-tokens", "revoke-tokens"])
    assert.equal(
      await request(west, subject, { ...make, authority: "no.such.token" }),
      "token-malformed",
    );
  const authority = session.admin;
  assert.equal(await request(west, "create-token", { ...make, authority }), undefined);
  assert.equal(await request(west, "list-tokens", { authority }), undefined);
  assert.equal(await request(west, "revoke-tokens", { authority, name: "boss" }), undefined);
  const renew = { authority: westToken, site: "south" };
  assert.equal(await request(west, "renew-membership", renew), "request-denied");
  assert.equal(await request(west, "renew-membership", { ...renew, site: "west" }), undefined);
  for (const { kind, names } of accessRows())
    if (kind === "site command")
      for (const name of names)
        assert.equal(await request(west, name, {}), "request-unknown", name);
  tried.add("request");
});

test("[A31] every row of the directory was tried", () => {
  checkAllTried(["directory call"], tried);
});
