import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, SeededRandom, SILENT } from "../base/index.ts";
import { LEADER_CALLER, memberCaller, type ShownToken } from "./caller.ts";
import { directoryConformance } from "./directory.conformance.ts";
import { DirectoryClient } from "./directory-client.ts";
import { DirectoryServer } from "./directory-server.ts";
import { ALL_RIGHTS, type LeaderDirectoryUnderTest } from "./directory-under-test.conformance.ts";
import type { LeaderDirectory } from "./leader-directory.ts";
import { memorySocketPair } from "./memory-socket.ts";

/**
 * What every {@link LeaderDirectory} must do (docs/spec/directory.md): everything that a directory does, in the
 * leader's own process and served to a member, and its additional members. Each implementation's test file calls this.
 *
 * @param make makes a new directory; `seed` is that of its random generator
 */
export function leaderDirectoryConformance(
  name: string,
  make: (seed: number) => Promise<LeaderDirectoryUnderTest>,
): void {
  directoryConformance(name, async () => {
    const under = await make(1);
    const { directory, clock } = under;
    return {
      ...{ directory, clock, sites: directory.sites, caller: LEADER_CALLER },
      answer: (handler) => directory.setRequestHandler(handler),
      [Symbol.asyncDispose]: () => under[Symbol.asyncDispose](),
    };
  });
  directoryConformance(`${name}, served`, async () => {
    const under = await make(1);
    const { directory: leader, clock } = under;
    const { member, server } = serve(under);
    return {
      ...{ directory: member, clock, sites: leader.sites },
      caller: memberCaller("south", SHOWN),
      answer: (handler) => leader.setRequestHandler(handler),
      [Symbol.asyncDispose]: async () => {
        await member[Symbol.asyncDispose]();
        server.close();
        await under[Symbol.asyncDispose]();
      },
    };
  });

  const rule = (text: string, body: (under: LeaderDirectoryUnderTest) => Promise<void>): void => {
    test(`${name}: ${text}`, async () => {
      await using under = await make(1);
      await body(under);
    });
  };

  rule("[D9] requests fail until a handler is set, and again when it is removed", async (under) => {
    const { directory } = under;
    const { member, server } = serve(under);
    const caller = memberCaller("south", undefined);
    const noLeader = { code: "directory-no-leader" };
    await assert.rejects(directory.request("join", 1), noLeader);
    await assert.rejects(member.request("join", 1), noLeader);
    await assert.rejects(directory.requestOf(caller, "join", 1), noLeader);
    directory.setRequestHandler(async (subject, payload) => [subject, payload]);
    assert.deepEqual(await directory.request("join", 1), ["join", 1]);
    assert.deepEqual(await member.request("join", 2), ["join", 2]);
    assert.deepEqual(await directory.requestOf(caller, "join", 3), ["join", 3]);
    directory.setRequestHandler(async () => "another");
    assert.equal(await member.request("join", 3), "another");
    directory.setRequestHandler(undefined);
    await assert.rejects(directory.request("join", 1), noLeader);
    await assert.rejects(member.request("join", 1), noLeader);
    await member[Symbol.asyncDispose]();
    server.close();
  });

  rule("[D21] the leader calls its own site and a member's in one registry", async (under) => {
    const { sites } = under.directory;
    const { member, server } = serve(under);
    const told: string[] = [];
    sites.onConnected((site) => told.push(`+${site}`));
    sites.onGone((site) => told.push(`-${site}`));
    under.directory.serve({ site: "north", instance: 1 }, async (payload) => ["north", payload]);
    member.serve({ site: "south", instance: 2 }, async (payload) => ["south", payload]);
    await member.get("a");
    assert.deepEqual(await sites.call("north", 1, "x", 1_000), ["north", "x"]);
    assert.deepEqual(await sites.call("south", 2, "y", 1_000), ["south", "y"]);
    // A server that closes with its directory does not say that the member's site has gone.
    server.close();
    assert.equal(sites.connected("south", 2), false);
    assert.deepEqual(told, ["+north", "+south"]);
    await member[Symbol.asyncDispose]();
  });

  rule(
    "[D23] the id identifies the store: it stays, and another store's differs",
    async (under) => {
      await using other = await make(2);
      assert.match(under.directory.id, /^\S{8,200}$/);
      assert.notEqual(under.directory.id, other.directory.id);
      const { id } = under.directory;
      await under.directory.put("a", 1);
      assert.equal(under.directory.id, id);
    },
  );

  rule("[D23] pages hold all entries of a prefix once, by key", async ({ directory }) => {
    const value = "x".repeat(60_000);
    const keys = Array.from({ length: 12 }, (_, index) => `p/${String(index).padStart(2, "0")}`);
    for (const key of [...keys].reverse()) await directory.put(key, value);
    const last = await directory.put("q", 1);
    const sizes: number[] = [];
    const paged = await pagesOf(directory, "p/", (page) => {
      sizes.push(page.entries.length);
      assert.equal(page.revision, last);
    });
    assert.deepEqual(paged, keys);
    assert.ok(sizes.length >= 3, `${sizes.length} pages for ${keys.length * value.length} bytes`);
    for (const size of sizes) assert.ok((size - 1) * value.length <= LIMITS.directoryPageBytes);
    assert.deepEqual(await pagesOf(directory, "none/"), []);
  });

  rule("[D23] a page starts after the given key, whether that exists or not", async (under) => {
    const { directory } = under;
    for (const key of ["a", "b", "c"]) await directory.put(key, key);
    const after = async (key: string): Promise<string[]> =>
      (await directory.page("", key)).entries.map((entry) => entry.key);
    assert.deepEqual(await after("a"), ["b", "c"]);
    assert.deepEqual(await after("b0"), ["c"]);
    assert.deepEqual(await after("c"), []);
    await assert.rejects(directory.page("a b", ""), { code: "directory-key-invalid" });
  });

  rule("[D12] a closed directory has no pages, and its sites are not connected", async (under) => {
    const { directory } = under;
    directory.serve({ site: "north", instance: 1 }, async () => null);
    await directory[Symbol.asyncDispose]();
    await assert.rejects(directory.page("", ""), { code: "directory-closed" });
    assert.equal(directory.sites.connected("north", 1), false);
  });
}

/** What that member shows. */
const SHOWN: ShownToken = {
  ...{ id: "shown-token-2", name: "site south", can: ["join"] },
  ...{ channels: [], streams: [], sites: [] },
  ...{ lineage: "shown-token-1", expiresAt: 1_000 },
};

/** Serves a directory to one member. */
function serve({ directory, clock }: LeaderDirectoryUnderTest): {
  readonly member: DirectoryClient;
  readonly server: DirectoryServer;
} {
  const server = new DirectoryServer(directory, { log: SILENT, clock, rights: ALL_RIGHTS });
  const member = new DirectoryClient({
    ...{ clock, log: SILENT, random: new SeededRandom(5), site: "south" },
    dial: async () => {
      const [near, far] = memorySocketPair();
      server.attach(far, () => ({ token: SHOWN, hold: () => () => {} }));
      return near;
    },
  });
  return { member, server };
}

/** The keys of all pages, in order. */
async function pagesOf(
  directory: LeaderDirectory,
  prefix: string,
  check: (page: Awaited<ReturnType<LeaderDirectory["page"]>>) => void = () => {},
): Promise<string[]> {
  const keys: string[] = [];
  for (let after = "", more = true; more; after = keys.at(-1) ?? "") {
    const page = await directory.page(prefix, after);
    check(page);
    keys.push(...page.entries.map(({ key }) => key));
    more = page.more;
  }
  return keys;
}
