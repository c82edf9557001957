import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentCompartment } from "../agent/executors/agent-compartment.ts";
import { AgentOutput } from "../agent/executors/agent-output.ts";
import { lockDown } from "../agent/lockdown.ts";
import { LANGUAGE_NAMES } from "./language-names.ts";

test("every name that agents may use is there where they run", () => {
  lockDown();
  const compartment = new AgentCompartment("agent:test/names@here", {
    now: () => 0,
    random: () => 0,
    output: new AgentOutput(() => {}),
  });
  const missing = [...LANGUAGE_NAMES].filter(
    (name) => name !== "undefined" && compartment.evaluate(`typeof ${name}`) === "undefined",
  );
  assert.deepEqual(missing, []);
});
