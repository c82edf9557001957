import assert from "node:assert/strict";
import { test } from "node:test";
import { LANGUAGE_NAMES, lockDown } from "../../code/index.ts";
import { AgentCompartment } from "./agent-compartment.ts";

test("every name that agents may use is there where they run", () => {
  lockDown();
  const compartment = new AgentCompartment("agent:test/names@here", {
    now: () => 0,
    random: () => 0,
    output: { print: () => {} },
  });
  const missing = [...LANGUAGE_NAMES].filter(
    (name) => name !== "undefined" && compartment.evaluate(`typeof ${name}`) === "undefined",
  );
  assert.deepEqual(missing, []);
});
