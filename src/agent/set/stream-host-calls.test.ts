import assert from "node:assert/strict";
import { test } from "node:test";
import { packValue, unpackValue } from "../../wire/index.ts";
import type { SessionPort } from "../session-port.ts";
import { callSession } from "./stream-host-calls.ts";

/** Answers each verb with what it was called with. */
function echoPort(): SessionPort {
  const echo =
    (verb: string) =>
    (...args: unknown[]) =>
      Promise.resolve([verb, ...args] as never);
  return {
    name: "bar",
    site: "north",
    append: echo("append"),
    createStream: echo("createStream"),
    move: echo("move"),
    attachAgent: echo("attachAgent"),
    detachAgent: echo("detachAgent"),
    replaceHandler: echo("replaceHandler"),
    destroyStream: echo("destroyStream"),
    stream: echo("stream"),
    streams: echo("streams"),
  };
}

/** What is asked on the owner's behalf says so. */
const OWNED: Readonly<Record<string, readonly object[]>> = {
  replaceHandler: [{ owner: "alice" }],
};
const CALLER = { chain: [7, 2], owner: "alice" };

async function call(verb: string, ...args: unknown[]): Promise<unknown> {
  return unpackValue(await callSession(echoPort(), verb, packValue(args), CALLER));
}

test("each verb is the session's method of that name", async () => {
  const placement = {
    at: undefined,
    durability: { type: "checkpoint", every: 10 },
    failureManagers: ["south"],
  };
  const module = {
    source: "export default {}",
    file: "a.ts",
    name: undefined,
    briefcase: undefined,
  };
  for (const [verb, ...args] of [
    ["createStream", "baz", placement],
    ["move", "baz", "south", undefined],
    ["attachAgent", "baz", { ...module, owner: "alice" }],
    ["detachAgent", "baz", "counter"],
    ["replaceHandler", "baz", "counter", "append", null],
    ["destroyStream", "baz"],
    ["stream", "baz"],
  ] as const) {
    assert.deepEqual(await call(verb, ...args), [verb, ...args, ...(OWNED[verb] ?? [])]);
  }
});

test("an append takes the chain of streams that wait along", async () => {
  const payload = packValue("ping");
  const request = { stream: "baz", payload, until: "consumed", timeoutMs: 100 };
  const [, got] = (await call("append", request)) as [string, Record<string, unknown>];
  assert.deepEqual(got["chain"], [7, 2]);
  assert.equal(unpackValue(got["payload"] as Uint8Array), "ping");
});

test("an owner that an agent claims is not believed", async () => {
  const module = { source: "", file: undefined, name: undefined, briefcase: undefined };
  const [, , got] = (await call("attachAgent", "baz", { ...module, owner: "bob" })) as [
    string,
    string,
    Record<string, unknown>,
  ];
  assert.equal(got["owner"], "alice");
});

test("a chain that an agent claims is not believed", async () => {
  const payload = packValue("ping");
  const request = { stream: "baz", payload, until: "consumed", timeoutMs: 100, chain: [] };
  const [, got] = (await call("append", request)) as [string, Record<string, unknown>];
  assert.deepEqual(got["chain"], [7, 2]);
});

test("an unknown verb is refused", async () => {
  for (const verb of ["shutdown", "constructor", "__proto__"]) {
    await assert.rejects(call(verb), { code: "verb-unknown" });
  }
});

test("arguments that do not fit are refused, and say which", async () => {
  await assert.rejects(
    call("move", "baz", 5, undefined),
    (error: { code: string; where: string }) => {
      assert.equal(error.code, "request-invalid");
      assert.equal(error.where, "move, argument 1");
      return true;
    },
  );
  const payload = packValue(1);
  for (const request of [
    { stream: "baz", payload, until: "buffered", timeoutMs: 100 },
    { stream: "baz", payload, until: "consumed", timeoutMs: undefined },
    { stream: "baz", payload: "text", until: "consumed", timeoutMs: 100 },
  ]) {
    await assert.rejects(call("append", request), { code: "request-invalid" });
  }
  await assert.rejects(callSession(echoPort(), "stream", Uint8Array.of(0x92, 1), CALLER), {
    code: "value-malformed",
  });
});
