/**
 * [M14] What ends a site that runs it inline: messages, events, and the start of agents, with each durability, in
 * simulated sessions of five sites.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentProgram, Invocation } from "../../agent/index.ts";
import { Shell } from "../../session/shell/index.ts";
import type { Durability } from "../../stream/index.ts";
import { unpackValue } from "../../wire/index.ts";
import { World } from "../world/world.ts";

/** Consumes all that it gets, and would go on for ever with some of it: see {@link isPoison}. */
const SOURCE = `
export default {
  name: "poisoned",
  isolation: "inline",
  onError: { retry: 5, backoffMs: 10 },
  briefcase: { got: [] },
  on: {
    init() {},
    append(ctx, value) {
      ctx.briefcase.got.push(value);
      if (value === "ring") ctx.timer(20, "bad");
    },
    timer() {},
    siteFailed() {},
    siteLeft() {},
    clientAttached() {},
    arrival() {},
    failure() {},
  },
};`;

const DURABILITIES: readonly Durability[] = [
  { type: "none" },
  { type: "checkpoint", every: 2 },
  { type: "message" },
];
/** What is poison, and whether it is still there when its site has ended. */
const KINDS = ["append", "timer", "siteFailed", "clientAttached", "failure"] as const;
type Kind = (typeof KINDS)[number] | "init" | "arrival";

function isPoison(kind: Kind, { handler, argument }: Invocation, { site }: AgentProgram): boolean {
  if (handler !== kind) return false;
  if (kind === "append") return unpackValue(argument) === "bad";
  if (kind === "init" || kind === "arrival") return site !== "s1";
  return true;
}

/** Five sites, at which a kind of call ends what runs it. */
class Session {
  readonly world: World;
  /** What was ended, in order. */
  readonly ended: { readonly site: string; readonly isSite: boolean }[];
  readonly shell: Shell;

  static async start(kind: Kind): Promise<Session> {
    const world = new World({ seed: 1 });
    const ended: { site: string; isSite: boolean }[] = [];
    for (const name of ["s0", "s1", "s2", "s3", "s4"])
      world.addSite({
        name,
        process: { hopMs: 1, failsToStart: () => false },
        endsAt: (call, program) => (isPoison(kind, call, program) ? "during" : undefined),
        onEnded: (site, _call, _program, isSite) => void ended.push({ site: site.name, isSite }),
      });
    await world.start();
    return new Session(world, ended);
  }

  private constructor(world: World, ended: { site: string; isSite: boolean }[]) {
    this.world = world;
    this.ended = ended;
    this.shell = new Shell(world.shell(world.site("s0"), "tester"));
  }

  async do<T>(task: Promise<T>): Promise<T> {
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
    };
    task.then(end, end);
    await this.world.advance(this.world.clock.now() + 60_000, () => hasEnded);
    assert.deepEqual(this.world.invariants.violations, []);
    assert.ok(hasEnded, "it takes too long");
    return await task;
  }

  /** Until something holds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    await this.world.advance(this.world.clock.now() + 60_000, holds);
    assert.deepEqual(this.world.invariants.violations, []);
    assert.ok(holds(), what);
  }

  async make(durability: Durability): Promise<void> {
    const failureManagers = ["s2", "s3", "s4"];
    const options = { at: "s1", durability, failureManagers };
    await this.do(this.shell.createStream("foo", options));
    await this.do(this.shell.registerAgent("foo", { source: SOURCE }));
    await this.consumes();
  }

  async consumes(): Promise<void> {
    await this.do(this.shell.append("foo", "fine", { until: "consumed", timeoutMs: 50_000 }));
  }

  get sites(): string[] {
    return this.ended.filter(({ isSite }) => isSite).map(({ site }) => site);
  }

  get processes(): number {
    return this.ended.length - this.sites.length;
  }

  /** Has it come again, where the stream is then. */
  async again(kind: Kind): Promise<void> {
    const { world } = this;
    const { site } = await this.do(this.shell.inspect("foo"));
    if (kind === "siteFailed") world.site("s3").kill();
    if (kind === "clientAttached") void new Shell(world.shell(world.site(site), "guest"));
  }

  /** Has it run for the first time. */
  async trigger(kind: Kind): Promise<void> {
    const { world, shell } = this;
    if (kind === "append") void shell.append("foo", "bad");
    if (kind === "timer") await this.do(shell.append("foo", "ring", { until: "consumed" }));
    if (kind === "siteFailed") world.site("s4").kill();
    if (kind === "clientAttached") void new Shell(world.shell(world.site("s1"), "guest"));
    if (kind === "failure") world.site("s1").kill();
    if (kind !== "failure") await this.until("its site has ended", () => this.ended.length > 0);
  }
}

for (const durability of DURABILITIES)
  for (const kind of KINDS)
    test(`[M14] ${durability.type}: one inline site at most is ended by ${kind}, and the stream goes on`, async () => {
      const session = await Session.start(kind);
      await session.make(durability);
      await session.trigger(kind);
      await session.consumes();
      await session.again(kind);
      // Whatever comes of it comes by then.
      await session.world.advance(session.world.clock.now() + 20_000);
      await session.consumes();
      assert.deepEqual(session.sites, kind === "failure" ? [] : ["s1"]);
      assert.ok(session.processes <= 4, `${session.processes} processes`);
      const letters = await session.do(session.shell.deadLetters("foo"));
      // Without a record timers are gone with their site.
      const expected = kind === "timer" && durability.type === "none" ? 0 : 1;
      assert.equal(letters.length, expected, JSON.stringify(letters));
      if (kind === "append") assert.equal(letters[0]?.value, "bad");
    });

test("[M14] a stream whose agents end the site that it moves to ends no other one", async () => {
  const session = await Session.start("init");
  await session.make({ type: "message" });
  await assert.rejects(session.do(session.shell.move("foo", "s2")));
  assert.deepEqual(session.sites, ["s2"]);
  for (const target of ["s3", "s4"])
    await assert.rejects(session.do(session.shell.move("foo", target)));
  assert.deepEqual(session.sites, ["s2"]);
  await session.consumes();
  assert.equal((await session.do(session.shell.inspect("foo"))).site, "s1");
});

test("[M14] a site that starts again runs nothing inline that may have ended it, and a later move brings that back", async () => {
  const session = await Session.start("append");
  const { world } = session;
  const shell = new Shell(world.shell(world.site("s4"), "other"));
  // A leader's own streams come back to it.
  await session.do(shell.createStream("foo", { at: "s0" }));
  await session.do(shell.registerAgent("foo", { source: SOURCE }));
  void shell.append("foo", "bad");
  await session.until("s0 has ended", () => session.ended.length > 0);
  world.run(() => world.site("s0").boot());
  const options = { until: "consumed", timeoutMs: 50_000 } as const;
  await session.do(shell.append("foo", "fine", options));
  const [letter, ...more] = await session.do(shell.deadLetters("foo"));
  assert.deepEqual([letter?.value, more], ["bad", []]);
  assert.deepEqual(
    session.ended.map(({ isSite }) => isSite),
    [true, false],
    "with the mark of its own site both ends count",
  );
  await session.do(shell.move("foo", "s2"));
  await session.do(shell.append("foo", "fine", options));
  void shell.append("foo", "bad");
  await session.until("s2 has ended", () => session.sites.length > 1);
  assert.deepEqual(session.sites, ["s0", "s2"], "an agent that moves in order runs inline again");
});
