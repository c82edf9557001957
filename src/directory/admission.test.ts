import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { DirectoryClient } from "./directory-client.ts";
import { DirectoryServer } from "./directory-server.ts";
import { ALL_RIGHTS } from "./directory-under-test.conformance.ts";
import { EmbeddedDirectory, MemoryStore } from "./embedded/index.ts";
import { memorySocketPair } from "./memory-socket.ts";
import type { Admit } from "./message-socket.ts";

const clock = new VirtualClock();

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

interface Rig {
  readonly client: DirectoryClient;
  readonly server: DirectoryServer;
  readonly dismissed: string[];
  /** What each greeting showed. */
  readonly shown: (string | undefined)[];
  /** Clients that were admitted and have not left. */
  readonly ends: Set<(error: MeanderError) => void>;
}

async function withRig(
  token: () => string | undefined,
  use: (rig: Rig) => Promise<void>,
): Promise<void> {
  const random = new SeededRandom(1);
  const directory = await EmbeddedDirectory.open({
    store: new MemoryStore(),
    clock,
    random,
    log: SILENT,
  });
  const server = new DirectoryServer(directory, { log: SILENT, clock, rights: ALL_RIGHTS });
  const shown: (string | undefined)[] = [];
  const ends = new Set<(error: MeanderError) => void>();
  const admit: Admit = async (text) => {
    shown.push(text);
    if (text !== "good") throw new MeanderError("token-forged", "no", { next: "get a good one" });
    return {
      token: undefined,
      hold: (end) => {
        ends.add(end);
        return () => void ends.delete(end);
      },
    };
  };
  const dismissed: string[] = [];
  const client = new DirectoryClient({
    ...{ clock, random, log: SILENT, token },
    dial: async () => {
      const [near, far] = memorySocketPair();
      server.attach(far, admit);
      return near;
    },
    onDismissed: ({ code }) => dismissed.push(code),
  });
  try {
    await use({ client, server, dismissed, shown, ends });
  } finally {
    await client[Symbol.asyncDispose]();
    server.close();
    await directory[Symbol.asyncDispose]();
  }
}

test("[D22] a client that shows a good token is served", () =>
  withRig(
    () => "good",
    async ({ client, shown, ends }) => {
      assert.equal(await client.put("a", 1), 1);
      assert.deepEqual(shown, ["good"]);
      assert.equal(ends.size, 1);
    },
  ));

test("[D22] another client is told why, and its calls and watches fail with that error", () =>
  withRig(
    () => "bad",
    async ({ client, server, dismissed, ends }) => {
      const expected = { code: "token-forged", message: "no; get a good one" };
      await assert.rejects(client.get("a"), expected);
      const watching = assert.rejects(
        client.watch("", () => {}),
        expected,
      );
      clock.advance(3_000);
      await watching;
      assert.ok(dismissed.length >= 1);
      assert.equal(server.counts.get("refused"), dismissed.length);
      assert.equal(ends.size, 0);
    },
  ));

test("[D22] a client that was dismissed retries with its current token", () => {
  let token = "good";
  return withRig(
    () => token,
    async ({ client, dismissed, shown, ends }) => {
      await client.put("a", 1);
      token = "bad";
      const [end] = ends;
      end?.(new MeanderError("token-revoked", "it was taken back"));
      await settle();
      assert.deepEqual(dismissed, ["token-revoked"]);
      assert.equal(ends.size, 0);
      token = "good";
      const asked = client.get("a");
      clock.advance(3_000);
      assert.equal((await asked)?.value, 1);
      assert.deepEqual(shown, ["good", "good"]);
    },
  );
});
