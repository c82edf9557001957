import assert from "node:assert/strict";
import { test } from "node:test";
import { inlineReader, type ReadAgent } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { prepareCode } from "../code/index.ts";
import { NO_AUDIT } from "../trust/index.ts";
import { Uploads } from "./uploads.ts";

const real = inlineReader({ prepare: prepareCode, now: () => 0, random: () => 0.5 });
const SOURCE = "export default { on: {} };";

/** Uploads whose readings are counted. */
function counted(paced: (owner: string) => Promise<void> = async () => {}) {
  const reads: string[] = [];
  const uploads = new Uploads({
    audit: NO_AUDIT,
    reader: {
      ...real,
      agent: (source, owner): Promise<ReadAgent> => {
        reads.push(owner);
        return real.agent(source, owner);
      },
    },
    code: { put: async () => {} },
    pace: { upload: paced },
  });
  return { uploads, reads };
}

test("the same code that one owner uploads for many agents at once is read once, and for another owner apart", async () => {
  const { uploads, reads } = counted();
  const ask = (owner: string) =>
    uploads.agent({ source: SOURCE, file: "a.js", name: undefined, briefcase: undefined }, owner);
  const all = await Promise.all([ask("mine"), ask("mine"), ask("other"), ask("mine")]);
  assert.deepEqual(reads, ["mine", "other"]);
  assert.equal(new Set(all.map(({ spec }) => spec.code)).size, 1);
  await ask("third");
  assert.equal(reads.length, 2, "it is known by then");
});

test("what could not be read is read again when it is asked for again", async () => {
  let isRefused = true;
  const { uploads, reads } = counted(async () => {
    if (isRefused) throw new MeanderError("rate-limited", "as the test says");
  });
  const ask = () =>
    uploads.agent({ source: SOURCE, file: "a.js", name: undefined, briefcase: undefined }, "mine");
  const refused = await Promise.allSettled([ask(), ask()]);
  assert.deepEqual(
    refused.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  isRefused = false;
  await ask();
  assert.deepEqual(reads, ["mine"]);
});
