import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SILENT } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import type { SiteRecord, StreamRecord } from "../session/index.ts";
import type { Keeper } from "../stream/index.ts";
import { RecordWriter } from "./record-writer.ts";
import { SessionSites } from "./session-sites.ts";
import { StreamTable } from "./stream-table.ts";

const STREAM = {
  id: 7,
  name: "bar",
  streamEpoch: 3,
  keeper: "old",
  failureManagers: ["next"],
  agents: [],
};
const STATE = Uint8Array.of(1);

/** A writer at site `host`; `answer` is the leader's to each request for a keeper. */
function writerOf(answer: (keeper: string) => Promise<StreamRecord>) {
  const sites = new SessionSites({ site: "host", instance: 1 });
  const show = (...names: string[]): void =>
    sites.update(names.map((name, instance) => ({ name, instance }) as SiteRecord));
  const table = new StreamTable();
  table.learn(STREAM as unknown as StreamRecord);
  const written: string[] = [];
  const own: Pick<Keeper, "put" | "mark"> = { put: async () => {}, mark: async () => {} };
  const writer = new RecordWriter({
    sites,
    table,
    keeper: own,
    calls: {
      request: async ({ site }, kind) => {
        written.push(`${kind} ${site}`);
        return undefined;
      },
    },
    askLeader: async (_, payload) =>
      (await answer((payload as { keeper: string }).keeper)) as unknown as Json,
    log: SILENT,
  });
  return { writer, written, show, record: STREAM as unknown as StreamRecord };
}

function lost(): never {
  throw new MeanderError("directory-timeout", "no answer");
}

test("[M33] while it is open which keeper the leader has noted, nothing is kept at the one before", async () => {
  let isLost = true;
  const { writer, written, show, record } = writerOf(async (keeper) =>
    isLost ? lost() : ({ ...STREAM, keeper } as unknown as StreamRecord),
  );
  show("host", "next");
  await assert.rejects(writer.write(record, STATE), { code: "directory-timeout" });
  // The keeper before is a member again, but the leader may name the other one to whoever takes the stream over.
  show("host", "next", "old");
  await assert.rejects(writer.write(record, STATE), { code: "directory-timeout" });
  await writer.mark(record, STATE);
  isLost = false;
  await writer.write(record, STATE);
  await writer.write(record, STATE);
  assert.deepEqual(written, [
    "record next",
    "record next",
    "mark next",
    "record next",
    "record next",
  ]);
});

test("[M33] a keeper that the leader refuses is not written to any more when the one before is back", async () => {
  const { writer, written, show, record } = writerOf(async () => {
    throw new MeanderError("site-gone", "it cannot be reached");
  });
  show("host", "next");
  await assert.rejects(writer.write(record, STATE), { code: "site-gone" });
  show("host", "next", "old");
  await writer.write(record, STATE);
  assert.deepEqual(written, ["record next", "record old"]);
});
