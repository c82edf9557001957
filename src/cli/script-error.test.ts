import assert from "node:assert/strict";
import { sep } from "node:path";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { framesOf, ScriptError, thrownError } from "./script-error.ts";

/** An error with that stack. */
function withStack(error: Error, lines: readonly string[]): Error {
  error.stack = [`${error.name}: ${error.message}`, ...lines].join("\n");
  return error;
}

test("frames in files are read from every form of a line, those of the runtime are left out", () => {
  const error = withStack(new Error("no"), [
    "    at inner (file:///a/b%20c.ts:3:7)",
    "    at async Object.main (/a/b.ts:10:11)",
    "    at async file:///a/c.mjs:1:2",
    "    at new Promise (<anonymous>)",
    "    at node:internal/main:1:1",
    "    at Module.run (node:internal/modules:2:2)",
  ]);
  assert.deepEqual(framesOf(error), [
    { name: "inner", file: "/a/b c.ts", line: 3, column: 7 },
    { name: "Object.main", file: "/a/b.ts", line: 10, column: 11 },
    { name: "", file: "/a/c.mjs", line: 1, column: 2 },
  ]);
  assert.deepEqual(framesOf("text"), []);
});

test("the place is the innermost one of the script's own code", () => {
  const error = withStack(new Error("no"), [
    "    at own (/package/dist/src/x.js:1:1)",
    `    at library (/app/node_modules/x/index.js:2:2)`,
    "    at main (/app/main.ts:3:3)",
  ]);
  const told = thrownError(error, "/app/main.ts", [`${sep}package`]);
  assert.equal(told.where, "/app/main.ts:3:3");
  assert.match(told.picture ?? "", /library .*\n.*main/);
  assert.equal(told.cause, error);
});

test("an error of Meander keeps its parts and says where in the script it was not caught", () => {
  const error = withStack(
    new MeanderError("stream-unknown", "no stream has that name", {
      where: "stream foo",
      expected: "a stream of `meander streams`",
    }),
    ["    at async main (/app/main.ts:3:3)"],
  );
  const told = thrownError(error, "/app/main.ts", []);
  assert.equal(told.code, "stream-unknown");
  assert.equal(told.where, "stream foo, asked for at /app/main.ts:3:3");
  assert.equal(told.expected, "a stream of `meander streams`");
  assert.equal(thrownError(told, "/app/main.ts", []), told, "it is told once");
});

test("without a place in the script, its file stands for it", () => {
  const told = thrownError(withStack(new RangeError("far"), []), "/app/main.ts", []);
  assert.ok(told instanceof ScriptError);
  assert.equal(told.what, "RangeError: far");
  assert.equal(told.where, "/app/main.ts");
  assert.equal(told.picture, undefined);
});
