/** What the tests of the leader's control of streams share: a leader, and scripted sites. */
import assert from "node:assert/strict";
import {
  type AgentSpec,
  DEFAULT_LIMITS,
  DEFAULT_ON_ERROR,
  type StreamEvent,
} from "../agent/define/index.ts";
import { LIMITS, MeanderError, SeededRandom, SILENT } from "../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../directory/embedded/index.ts";
import { type Caller, type Json, LEADER_CALLER } from "../directory/index.ts";
import type { AuditFacts } from "../trust/index.ts";
import type { TokenRights } from "./access.ts";
import { OPEN_SESSION, type SessionTokens } from "./askers.ts";
import type { AuthorChecks } from "./authorship.ts";
import type { PolicyJudge } from "./code-policy.ts";
import { HaltingClock } from "./halting-clock.test.support.ts";
import { Leader } from "./leader.ts";
import type { SiteRecord } from "./model.ts";
import { ScriptedSite } from "./scripted-site.test.support.ts";
import { streamRecordSchema } from "./stream-record-schema.ts";
import type { AskerClaim, ControlRequests, SiteCommand, StreamRecord } from "./stream-records.ts";

/** Who asks, unless a test says otherwise: a shell that has shown nothing, of a session that requires nothing. */
export const SHELL = { by: "anonymous", label: "shell-1" } as const;

/** A session with a leader, `origin`, and scripted sites, in virtual time. */
export class ControlWorld implements AsyncDisposable {
  readonly clock = new HaltingClock();
  readonly events: StreamEvent[] = [];
  /** What signatures of code are checked with. */
  authors: AuthorChecks = {
    signature: async () => false,
    sourceHash: async () => undefined,
  };
  /** Of the session. */
  tokens: SessionTokens = OPEN_SESSION;
  /** What judges by policies that are code, from the next leader on. */
  judge: PolicyJudge | undefined;
  /** What was noted besides the answers to requests. */
  readonly audited: AuditFacts[] = [];
  /** Whether a site's port is closed. */
  examine = async ({ name, instance }: SiteRecord): Promise<boolean> => {
    const site = this.#sites.get(name);
    return site === undefined || site.instance !== instance || site.ended;
  };
  /** A session may come to require tokens while it runs. */
  readonly #tokens: SessionTokens = ((world: ControlWorld) => ({
    get isOpen() {
      return world.tokens.isOpen;
    },
    rightsOf: (token: string) => world.tokens.rightsOf(token),
  }))(this);
  readonly #store = new MemoryStore();
  readonly #sites = new Map<string, ScriptedSite>();
  readonly #ways = new Map<ScriptedSite, { end(why: "gone" | "closing"): void }>();
  #directory: EmbeddedDirectory | undefined;
  #leader: Leader | undefined;
  #instances = 0;
  #starts = 0;
  readonly #records = new Map<number, StreamRecord>();

  /** Requires tokens from now on: these, by their text. Any other is forged. */
  requireTokens(tokens: Readonly<Record<string, TokenRights>>): void {
    this.tokens = {
      isOpen: false,
      rightsOf: async (token) => {
        const rights = tokens[token];
        if (rights === undefined) throw new MeanderError("token-forged", "not the session's");
        return rights;
      },
    };
  }

  /** A world with these sites besides `origin`. */
  static make(...names: string[]): Promise<ControlWorld> {
    return ControlWorld.judgedBy(undefined, ...names);
  }

  /** The same, with what judges by policies that are code. */
  static async judgedBy(judge: PolicyJudge | undefined, ...names: string[]): Promise<ControlWorld> {
    const world = new ControlWorld();
    world.judge = judge;
    await world.#lead();
    for (const name of ["origin", ...names]) await world.join(name);
    // What a leader waits for at its start has ended by now.
    await world.advance(LIMITS.siteSilenceMs);
    return world;
  }

  get directory(): EmbeddedDirectory {
    return this.#directory ?? assert.fail("the directory is open");
  }

  get leader(): Leader {
    return this.#leader ?? assert.fail("no site leads");
  }

  get sites(): readonly ScriptedSite[] {
    return [...this.#sites.values()];
  }

  siteOf(name: string): ScriptedSite | undefined {
    return this.#sites.get(name);
  }

  site(name: string): ScriptedSite {
    return this.#sites.get(name) ?? assert.fail(`there is a site ${name}`);
  }

  /** Starts or restarts a site, with what its disk had. */
  async join(name: string): Promise<ScriptedSite> {
    const before = this.#sites.get(name);
    const instance = name === "origin" ? this.#starts : 1000 + ++this.#instances;
    const site = new ScriptedSite(this, name, instance, before?.kept);
    this.#sites.set(name, site);
    this.connect(site);
    await this.#enter(site);
    await this.quiet();
    return site;
  }

  connect(site: ScriptedSite): void {
    this.synchronise(site);
    const member = { site: site.name, instance: site.instance };
    const registry = this.directory.sites;
    const way = registry.register(member, (id, payload) => {
      site.take(payload as unknown as SiteCommand, (outcome) => {
        outcome.then(
          (result) => way.answered(id, result),
          (error: MeanderError) => way.refused(id, error),
        );
      });
    });
    site.connected = true;
    this.#ways.set(site, way);
  }

  /** Sends a site what it missed. */
  synchronise(site: ScriptedSite): void {
    for (const id of [...site.residents.keys()]) site.see(id, this.#records.get(id));
  }

  disconnect(site: ScriptedSite): void {
    site.connected = false;
    this.#ways.get(site)?.end("gone");
    this.#ways.delete(site);
  }

  /** Its process ends, without a word. */
  kill(site: ScriptedSite): void {
    site.ended = true;
    site.residents.clear();
    this.disconnect(site);
  }

  /** Kills the leading site and starts it again over the same directory. */
  async restartLeader(): Promise<void> {
    this.leader.stop();
    for (const site of this.sites) {
      site.connected = false;
      this.#ways.delete(site);
    }
    const origin = this.site("origin");
    origin.ended = true;
    this.#store.kill();
    await this.#lead();
    await this.join("origin");
    for (const site of this.sites) if (!site.ended && !site.connected) this.connect(site);
    await this.quiet();
  }

  /** A leader over the same directory, while the one before it believes that it still leads. */
  secondLeader(): Leader {
    return this.#makeLeader(++this.#starts + 500);
  }

  ask<S extends keyof ControlRequests>(
    subject: S,
    payload: ControlRequests[S],
    caller: Caller = LEADER_CALLER,
  ): Promise<Json> {
    return this.leader.handle(subject, payload as unknown as Json, caller);
  }

  async create(
    name: string,
    at: string,
    options: Partial<ControlRequests["create-stream"]> = {},
  ): Promise<StreamRecord> {
    const answer = await this.ask("create-stream", {
      ...{ name, at, durability: { type: "none" }, failureManagers: [], ...SHELL },
      ...options,
    });
    return streamRecordSchema.parse(answer);
  }

  move(stream: string, to: string, deadlineMs = 1_000): Promise<Json> {
    return this.ask("move-stream", { stream, to, deadlineMs, ...SHELL });
  }

  attach(stream: string, name: string, briefcase = "wA=="): Promise<Json> {
    const spec = agentSpec(name);
    return this.ask("attach-agent", { stream, spec, briefcase, ...SHELL });
  }

  async record(name: string): Promise<StreamRecord | undefined> {
    const entry = await this.directory.get(`streams/${name}`);
    return entry === undefined ? undefined : streamRecordSchema.parse(entry.value);
  }

  async where(name: string): Promise<string> {
    const record = await this.record(name);
    if (record === undefined) return "nowhere";
    const lost = record.status === "lost" ? ` lost: ${record.why}` : "";
    return `${record.site}#${record.streamEpoch}${lost}`;
  }

  /** The leader's process stands still, and leases run out when it is long enough. */
  async standStill(ms: number): Promise<void> {
    this.clock.halt(ms);
    for (const { lease } of this.sites) {
      if (ms >= LIMITS.leaseMs && lease !== undefined) await this.directory.revokeLease(lease);
    }
    await this.quiet();
  }

  async quiet(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass in steps, so that what one causes happens before the next. Sites renew their leases. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(left, 100));
      await this.quiet();
      for (const site of this.sites) await this.#renew(site);
    }
  }

  /** What a promise settles to, while time passes. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    let open = true;
    const done = (): void => {
      open = false;
    };
    promise.then(done, done);
    for (let steps = 0; open && steps < 1_200; steps++) {
      await this.quiet();
      if (open) await this.advance(100);
    }
    assert.ok(!open, "a request settles within two minutes");
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leader.stop();
    await this.directory[Symbol.asyncDispose]();
  }

  async #lead(): Promise<void> {
    const { clock } = this;
    this.#starts++;
    const random = new SeededRandom(this.#starts);
    const ports = { clock, random, log: SILENT };
    this.#directory = await EmbeddedDirectory.open({ ...ports, store: this.#store });
    this.#leader = this.#makeLeader(this.#starts);
    await this.directory.watch("streams/", (change) => {
      if (change.type === "synced") return;
      const name = (change.type === "put" ? change.entry.key : change.key).slice(8);
      const record =
        change.type === "put" ? streamRecordSchema.safeParse(change.entry.value).data : undefined;
      const before = [...this.#records.values()].find((each) => each.name === name);
      if (before !== undefined) this.#records.delete(before.id);
      if (record !== undefined) this.#records.set(record.id, record);
      const id = record?.id ?? before?.id;
      if (id === undefined) return;
      for (const site of this.sites) if (site.connected) site.see(id, record);
    });
    await this.leader.start();
  }

  #makeLeader(instance: number): Leader {
    const { clock, directory } = this;
    return new Leader({
      ...{ directory, clock, site: "origin", instance, log: SILENT },
      random: new SeededRandom(instance),
      streams: {
        calls: directory.sites,
        isEnded: (record) => this.examine(record),
        tokens: this.#tokens,
        judge: this.judge,
        authors: {
          signature: (...what) => this.authors.signature(...what),
          sourceHash: (code) => this.authors.sourceHash(code),
        },
        audit: { note: (facts) => this.audited.push(facts) },
        onEvent: (event) => this.events.push(event),
      },
    });
  }

  async #renew(site: ScriptedSite): Promise<void> {
    if (site.frozen || site.ended || !site.connected || site.lease === undefined) return;
    try {
      await this.directory.renewLease(site.lease);
    } catch {
      await this.#enter(site);
    }
  }

  async #enter(site: ScriptedSite): Promise<void> {
    const lease = await this.directory.grantLease(LIMITS.leaseMs);
    const endpoint = { host: "127.0.0.1", port: 7000 + (site.name.codePointAt(0) ?? 0) };
    const self = {
      ...{ name: site.name, instance: site.instance, http: endpoint, udp: endpoint },
      ...{ pid: 1, version: "0", startedAt: 0 },
    };
    await this.leader.handle("join", { site: self, lease: lease.id }, LEADER_CALLER);
    site.lease = lease;
  }
}

export function agentSpec(name: string): AgentSpec {
  return {
    name,
    code: "a".repeat(64),
    replaced: {},
    isolation: "process",
    limits: DEFAULT_LIMITS,
    onError: DEFAULT_ON_ERROR,
    owner: "anonymous:shell-1@origin",
  };
}

/** A request to attach an agent, in the name of who asks. */
export function attachRequest(
  stream: string,
  name: string,
  asker: AskerClaim,
): ControlRequests["attach-agent"] {
  return { stream, spec: { ...agentSpec(name), owner: asker.by }, briefcase: "wA==", ...asker };
}
