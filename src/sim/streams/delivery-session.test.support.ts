/** A simulated session for the rules of docs/spec/streams.md: leader, sites, agents and shells as they ship. */
import assert from "node:assert/strict";
import type { StreamEvent } from "../../agent/index.ts";
import { Shell } from "../../session/shell/index.ts";
import type { SimSite } from "../world/sim-site.ts";
import { World } from "../world/world.ts";

/** Keeps the values that it gets, and how it came to be where it is; passes on what names another stream. */
export const KEEPS = `export default {
  name: "keeps",
  isolation: "inline",
  briefcase: { got: [], was: [] },
  on: {
    append(ctx, value) {
      ctx.briefcase.got.push(value?.value ?? value);
      if (value?.to) ctx.open(value.to).append(value.value);
      return "thanks";
    },
    arrival(ctx, event) { ctx.briefcase.was.push("arrival"); },
    departure(ctx, event) { ctx.briefcase.was.push("departure"); },
    failure(ctx, event) { ctx.briefcase.was.push("failure"); },
  },
};`;

export interface Kept {
  readonly got: unknown[];
  readonly was: string[];
}

/** A session of sites s0 (which leads), s1, s2, … */
export class Session {
  readonly world: World;
  readonly events: StreamEvent[] = [];

  private constructor(world: World) {
    this.world = world;
    world.onEvent((_site, event) => void this.events.push(event));
  }

  static async start(count: number, seed = 1): Promise<Session> {
    const world = new World({ seed });
    for (let index = 0; index < count; index++) world.addSite({ name: `s${index}` });
    const session = new Session(world);
    await world.start();
    return session;
  }

  site(name: string): SimSite {
    return this.world.site(name);
  }

  shell(site: string, name?: string): Shell {
    return new Shell(this.world.shell(this.site(site), name));
  }

  /** Does something that takes virtual time. Rejects as it does; fails when it takes more than a minute. */
  async do<T>(task: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    task.then(end, end);
    await this.world.advance(this.world.clock.now() + 60_000, () => ended);
    assert.deepEqual(this.world.invariants.violations, []);
    assert.ok(ended, "it takes too long");
    return await task;
  }

  async pass(ms: number): Promise<void> {
    await this.world.advance(this.world.clock.now() + ms);
    assert.deepEqual(this.world.invariants.violations, []);
  }

  async until(fact: () => boolean, ms = 60_000): Promise<void> {
    await this.world.advance(this.world.clock.now() + ms, fact);
    assert.ok(fact(), `not within ${ms} ms`);
  }

  /** A stream that keeps what it gets. */
  async make(
    name: string,
    at: string,
    options: Parameters<Shell["createStream"]>[1] = {},
    source = KEEPS,
  ): Promise<void> {
    const shell = this.shell("s0", "maker");
    await this.do(shell.createStream(name, { at, ...options }));
    await this.do(shell.registerAgent(name, { source }));
    await this.do(shell.close());
  }

  async kept(name: string): Promise<Kept> {
    const shell = this.shell("s0");
    const { briefcases } = await this.do(shell.inspect(name));
    await this.do(shell.close());
    return Object.values(briefcases)[0] as Kept;
  }

  /** Where the directory says that it is. */
  record(name: string) {
    return this.site("s0").streams?.table.byName(name);
  }
}

export const DURABLE = { durability: { type: "message" } } as const;
