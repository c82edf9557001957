/** Every row of docs/spec/access.md that is asked over HTTP or by opening a socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { checkAllTried } from "../access-rows.test.support.ts";
import { packageRoot } from "../client/index.ts";
import { publishFile } from "../client/publish/index.ts";
import { RIGHTS, type Right } from "../session/index.ts";
import { forged, TokenSession } from "./token-session.test.support.ts";

const SDP = `v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
m=audio 5006 RTP/AVP 97
a=rtpmap:97 opus/48000/2
`;

/** A request, with what it takes. */
interface Case {
  /** Its name in the table. */
  readonly row: string;
  /** Rights of which one is enough; `any`: any token will do; `nothing`: none is needed. */
  readonly takes: readonly Right[] | "any" | "nothing";
  /** Whether the right is for a channel. */
  readonly isOnChannel?: boolean;
  readonly path?: string;
  readonly body?: string;
  readonly type?: string;
  /** Its status when it is allowed. */
  readonly status: number;
}

const ADMINISTER: readonly Right[] = ["administer"];
const json = (value: unknown): { body: string; type: string } => ({
  body: JSON.stringify(value),
  type: "application/json",
});

let session: TokenSession;
/** One that has nothing but one right, by its name; and one that has all others. */
const only = new Map<Right, string>();
const allBut = new Map<string, string>();
const tried: string[] = [];
let publication: { close(): Promise<void> } | undefined;
/** Of the output that was opened. */
let output = "";
/** What was stopped, restarted, or done to the demo's sites. */
const acts: string[] = [];

before(async () => {
  const demo = { act: async (name: string, action: string) => void acts.push(`${name} ${action}`) };
  session = await TokenSession.start({ demo });
  for (const right of RIGHTS) only.set(right, await session.token(`only ${right}`, [right]));
});
after(async () => {
  await publication?.close();
  await session?.[Symbol.asyncDispose]();
});

const CONFIG = { maxSubscribers: 1_000 };

const CASES: readonly Case[] = [
  { row: "GET /health", takes: "nothing", status: 200 },
  { row: "GET /openapi.json", takes: "nothing", status: 200 },
  { row: "GET /api/session", takes: "any", status: 200 },
  {
    ...{ row: "PUT /channels/{name}", takes: ["publish"], isOnChannel: true, status: 201 },
    ...{ path: "/channels/studio?ports=assign&replace=true", body: SDP, type: "application/sdp" },
  },
  {
    ...{ row: "PUT /channels/{name}", takes: ["publish"], isOnChannel: true, status: 201 },
    ...{ path: "/channels/studio/news?kind=data", body: "first", type: "text/plain" },
  },
  {
    ...{ row: "GET /channels/{name}", takes: ["watch", "publish"], isOnChannel: true },
    ...{ path: "/channels/studio", status: 200 },
  },
  {
    ...{ row: "POST /api/messages/{name}", takes: ["publish"], isOnChannel: true, status: 204 },
    ...{ path: "/api/messages/studio%2Fnews", body: "hello", type: "text/plain" },
  },
  ...["site", "streams", "figures", "stats", "recordings", "trace", "audit"].map(
    (name): Case => ({ row: `GET /api/${name}`, takes: ADMINISTER, status: 200 }),
  ),
  { row: "GET /metrics", takes: ADMINISTER, status: 200 },
  { row: "GET /api/config", takes: ADMINISTER, status: 200 },
  { row: "PUT /api/config", takes: ADMINISTER, ...json(CONFIG), status: 200 },
  { row: "GET /api/log-level", takes: ADMINISTER, status: 200 },
  { row: "PUT /api/log-level", takes: ADMINISTER, ...json({ level: "info" }), status: 200 },
  {
    ...{ row: "POST /api/outputs", takes: ADMINISTER, status: 201 },
    ...json({ channel: "clip", host: "127.0.0.1", ports: { audio: 9_998 } }),
  },
  {
    ...{ row: "DELETE /api/outputs/{id}", takes: ADMINISTER, status: 204 },
    path: "/api/outputs/OUTPUT",
  },
  {
    ...{ row: "DELETE /channels/{name}", takes: ["publish"], isOnChannel: true },
    ...{ path: "/channels/studio", status: 204 },
  },
  { row: "POST /api/streams/resume", takes: ADMINISTER, status: 200 },
  {
    ...{ row: "POST /api/demo/sites/{name}/{action}", takes: ADMINISTER, status: 200 },
    path: "/api/demo/sites/middle/kill",
  },
  {
    ...{ row: "POST /api/tokens", takes: ADMINISTER, status: 201 },
    ...json({ name: "made", can: ["join"], expiresInMs: 60_000 }),
  },
  { row: "GET /api/tokens", takes: ADMINISTER, status: 200 },
  {
    ...{ row: "DELETE /api/tokens", takes: ADMINISTER, status: 200 },
    path: "/api/tokens?name=made",
  },
  { row: "POST /api/restart", takes: ADMINISTER, status: 409 },
];

// Before so many forged tokens are shown that others are not looked at. [A11]
/** Opens a socket, and says how that ended: `open`, or the code of its refusal. */
async function opened(path: string, token: string | undefined): Promise<string> {
  const socket = new WebSocket(session.north.url.replace("http", "ws") + path);
  await once(socket, "open");
  const hello =
    path === "/shell"
      ? { type: "hello", protocol: SHELL_PROTOCOL, ...(token === undefined ? {} : { token }) }
      : { type: "hello", protocol: 1, site: "west", ...(token === undefined ? {} : { token }) };
  socket.send(JSON.stringify(hello));
  const [data] = (await once(socket, "message")) as [Buffer];
  socket.close();
  const answer = JSON.parse(data.toString()) as {
    readonly type: string;
    readonly error?: { readonly code: string };
  };
  return answer.error?.code ?? "open";
}

const SHELL_PROTOCOL = 1;

test("[A6] [A31] [A40] sockets are opened with the right that they take", async () => {
  for (const [path, right] of [
    ["/shell", "shell"],
    ["/directory", "join"],
  ] as const) {
    assert.equal(await opened(path, only.get(right)), "open", path);
    assert.equal(await opened(path, undefined), "token-required", path);
    const others = RIGHTS.filter((each) => each !== right && each !== "administer");
    for (const other of others)
      assert.equal(await opened(path, only.get(other)), "token-denied", `${path} with ${other}`);
    const lie = forged(only.get("watch") ?? "", { can: [right], streams: ["*"], sites: ["*"] });
    assert.equal(await opened(path, lie), "token-forged", path);
    tried.push(path);
  }
  const elsewhere = await session.token("elsewhere", ["shell"], { sites: ["south"] });
  assert.equal(await opened("/shell", elsewhere), "token-denied");
  // A name that belongs to another token.
  const south = new WebSocket(`${session.north.url.replace("http", "ws")}/directory`);
  await once(south, "open");
  south.send(
    JSON.stringify({ type: "hello", protocol: 1, site: "south", token: only.get("join") }),
  );
  const [data] = (await once(south, "message")) as [Buffer];
  south.close();
  assert.match(data.toString(), /site-name-owned/);
});

for (const each of CASES) {
  test(`[A31] ${each.row} takes ${typeof each.takes === "string" ? each.takes : each.takes.join(" or ")}`, () =>
    tryCase(each));
}

test("[A31] POST /api/stop takes administer", async () => {
  const stop: Case = { row: "POST /api/stop", takes: ADMINISTER, status: 202 };
  await refusesOthers(stop, session.south.url);
  assert.equal((await fetch(`${session.south.url}/health`)).status, 200);
  const answer = await send(stop, session.south.url, session.admin);
  assert.equal(answer.status, stop.status, await answer.text());
  await session.south.ended;
});

test("[A31] every row of HTTP and of sockets was tried", () => {
  // What is watched over a link is judged by channel: e2e/access/channels.test.ts.
  checkAllTried(["HTTP", "socket"], [...tried, "/link"]);
});

async function tryCase(each: Case): Promise<void> {
  const { north } = session;
  if (each.row === "POST /api/outputs") await publishClip();
  if (each.takes === "nothing") {
    for (const token of [undefined, only.get("watch")])
      assert.equal((await send(each, north.url, token)).status, each.status);
    tried.push(each.row);
    return;
  }
  const before = await state();
  await refusesOthers(each, north.url);
  assert.deepEqual(await state(), before, "what was refused has changed nothing");
  const enough = each.takes === "any" ? RIGHTS : each.takes;
  for (const right of enough) {
    const answer = await send(each, north.url, only.get(right));
    const text = await answer.text();
    assert.equal(answer.status, each.status, `${right}: ${text}`);
    if (each.row === "POST /api/outputs") output = (JSON.parse(text) as { id: string }).id;
    if (each.status === 204) return;
  }
}

/** Publishes what an output can send, and waits until the site knows what that is. */
async function publishClip(): Promise<void> {
  const token = await session.token("publisher", ["publish", "watch"]);
  const clip = join(packageRoot(), "media", "clip.mp4");
  publication = await publishFile(clip, {
    ...{ site: session.north.url, channel: "clip", loop: true, token },
  });
}

/** Checks that a request is refused to everyone that has not what it takes, with the reason. */
async function refusesOthers(each: Case, url: string): Promise<void> {
  const { row, takes, isOnChannel = false } = each;
  tried.push(row);
  await isRefused(await send(each, url, undefined), 401, "token-required");
  const lie = forged(only.get("watch") ?? "", { sub: "owner", can: ["administer"] });
  await isForged(await send(each, url, lie));
  if (takes === "any" || takes === "nothing") return;
  const rights = RIGHTS.filter((right) => !takes.includes(right) && right !== "administer");
  for (const right of rights) {
    const message = await isRefused(await send(each, url, only.get(right)), 403, "token-denied");
    assert.match(message, new RegExp(`allows ${right}`), "it says what the token allows");
  }
  const others = allBut.get(takes.join()) ?? (await session.token("all others", rights));
  allBut.set(takes.join(), others);
  await isRefused(await send(each, url, others), 403, "token-denied");
  if (!isOnChannel) return;
  const elsewhere = await session.token("elsewhere", takes, {
    channels: ["other", "studi", "studio/cam/*"],
  });
  await isRefused(await send(each, url, elsewhere), 403, "token-denied");
}

/** [A11] After 20 forged tokens, an address gets no look at another one for a while. */
async function isForged(answer: Response): Promise<void> {
  const isThrottled = answer.status === 429;
  const code = isThrottled ? "token-throttled" : "token-forged";
  await isRefused(answer, isThrottled ? 429 : 401, code);
}

async function isRefused(answer: Response, status: number, code: string): Promise<string> {
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  const { error } = JSON.parse(text) as { error: { code: string; message: string } };
  assert.equal(error.code, code, text);
  return error.message;
}

function send(
  { row, path, body, type }: Case,
  url: string,
  token: string | undefined,
): Promise<Response> {
  const [method = "", named = ""] = row.split(" ");
  const headers = {
    ...(type === undefined ? {} : { "content-type": type }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const init = { method, headers, ...(body === undefined ? {} : { body }) };
  return fetch(url + (path ?? named).replace("OUTPUT", output), init);
}

/** What a request could have changed. */
async function state(): Promise<unknown> {
  const { north, admin } = session;
  const get = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${admin}` };
    return (await fetch(north.url + path, { headers })).json();
  };
  const { tokens } = (await get("/api/tokens")) as { tokens: { name: string }[] };
  const { channels } = (await get("/api/session")) as { channels: { name: string }[] };
  const names = tokens.map(({ name }) => name).filter((name) => !/elsewhere|all others/.test(name));
  return {
    ...{
      names,
      channels: channels.map(({ name }) => name),
      acts: [...acts],
    },
    config: await get("/api/config"),
    level: await get("/api/log-level"),
  };
}
