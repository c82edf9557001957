import {
  AgentSet,
  type AgentSpec,
  type AppendAnswer,
  type DescribeDefinition,
  type Executor,
  type Isolation,
  SiteAgents,
  type StreamEvent,
} from "../agent/index.ts";
import {
  type Cancel,
  type Clock,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../base/index.ts";
import type { CodeStore } from "../code/index.ts";
import type { Change, Directory, Json } from "../directory/index.ts";
import { decide, type SiteRecord, type StreamRecord } from "../session/index.ts";
import {
  type FrameNetwork,
  Keeper,
  type KernelEvent,
  type LifecycleEvent,
  type RecordStore,
  type ReplyWaiter,
  type Resident,
  type ShellEndpoint,
  type SiteInstance,
  StreamKernel,
  type StreamState,
} from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import { Arrivals } from "./arrivals.ts";
import { Departures } from "./departures.ts";
import { EventBoard } from "./event-board.ts";
import { ShellParty } from "./shell-party.ts";
import { SiteRequests } from "./site-requests.ts";
import { StreamCommands } from "./stream-commands.ts";
import { StreamParty } from "./stream-party.ts";
import { StreamTable } from "./stream-table.ts";
import { Uploads } from "./uploads.ts";

/** What the streams of a site stand on. */
export interface SiteStreamsOptions {
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly directory: Directory;
  /** Carries what is sent to this site itself, too. */
  readonly network: FrameNetwork;
  /** Of the streams that this site keeps as their failure manager. */
  readonly records: RecordStore;
  readonly executors: { readonly inline?: Executor; readonly worker?: Executor };
  /** Reads the definition out of uploaded code. */
  readonly describe: DescribeDefinition;
  readonly code: CodeStore;
  /** Whether agents may run in this thread. False: those that ask for it run in a worker. */
  readonly allowsInline: boolean;
  /** Streams that this site takes. */
  readonly streamsMax?: number | undefined;
  /** Told of everything that the kernel does, before anybody else. */
  readonly onKernelEvent?: ((event: KernelEvent) => void) | undefined;
  /** Told of every event that this site tells those who listen, before them. */
  readonly onEvent?: ((event: StreamEvent) => void) | undefined;
}

/**
 * The mobile streams of a site: its kernel, the agents of the streams that are here, what the leader commands, and the shells that are attached. The live
 * site and the simulator differ in what they give it.
 */
export class SiteStreams {
  readonly options: SiteStreamsOptions;
  readonly kernel: StreamKernel;
  readonly keeper: Keeper;
  readonly table = new StreamTable();
  readonly agents: SiteAgents;
  readonly events: EventBoard;
  readonly uploads: Uploads;
  readonly departures: Departures;
  readonly arrivals: Arrivals;
  readonly #requests: SiteRequests;
  readonly #commands: StreamCommands;
  readonly #sets = new Map<number, AgentSet>();
  readonly #shells = new Set<ShellParty>();
  #undo: Cancel[] = [];
  #sites: readonly SiteInstance[] = [];
  #leader: string | undefined;
  #closed = false;

  constructor(options: SiteStreamsOptions) {
    this.options = options;
    const { self, clock, random, network, log, records } = options;
    this.keeper = new Keeper(records);
    this.agents = new SiteAgents({ log });
    this.#requests = new SiteRequests(this);
    this.kernel = new StreamKernel({
      self: self,
      clock,
      random,
      network,
      onSiteRequest: (from, kind, payload) => this.#requests.answer(from, kind, payload),
      onEvent: (event) => this.#kernelEvent(event),
    });
    this.events = new EventBoard(this);
    this.uploads = new Uploads(options);
    this.departures = new Departures(this);
    this.arrivals = new Arrivals(this);
    this.#commands = new StreamCommands(this);
  }

  /** Follows the directory and takes the leader's commands from now on. */
  async start(): Promise<void> {
    const { directory, self } = this.options;
    this.#undo.push(
      await directory.watch("policy/", (change) => this.table.takePolicy(change)),
      await directory.watch("streams/", (change) => this.#streamChanged(change)),
    );
    // Nothing is done on command before it is known what is denied.
    if (!this.#closed)
      this.#undo.push(directory.serve(self, (payload) => this.#commands.answer(payload)));
  }

  /** The sites that other streams may be at. */
  get sites(): readonly SiteInstance[] {
    return this.#sites;
  }

  setSites(sites: readonly SiteRecord[]): void {
    this.#sites = sites.map(({ name, instance }) => ({ site: name, instance }));
    this.#leader = sites.find(({ leader }) => leader)?.name;
    this.kernel.setSites(this.#sites);
    this.events.sitesChanged();
  }

  /** The running instance of a site. @throws {MeanderError} `site-unknown` */
  instanceOf(site: string): SiteInstance {
    const { self } = this.options;
    const known =
      this.#sites.find((each) => each.site === site) ?? (site === self.site ? self : undefined);
    if (known !== undefined) return known;
    throw new MeanderError("site-unknown", "no site of the session has that name", {
      where: `site ${site}`,
      expected: this.#sites.map((each) => each.site).join(", "),
    });
  }

  /** Until then, on the site's clock, its lease certainly holds. */
  setLease(untilMs: number): void {
    const held = this.kernel.leaseHolds;
    this.kernel.setLease(untilMs);
    // The others may have forgotten this site meanwhile.
    if (!held) this.events.informAgain();
  }

  /** Attaches a shell. @param name default: one of its own */
  openShell(name?: string): ShellParty {
    if (this.#closed)
      throw new MeanderError("site-stopped", "the site stops", {
        where: `site ${this.options.self.site}`,
      });
    const unique = this.options.random.uint32().toString(16).padStart(8, "0").slice(0, 6);
    const shell = new ShellParty(this, name ?? `shell-${unique}`, () => {
      this.#shells.delete(shell);
      void this.kernel.tellAll({ type: "clientDetached", client: shell.name });
    });
    this.#shells.add(shell);
    void this.kernel.tellAll({ type: "clientAttached", client: shell.name });
    return shell;
  }

  /** Why somebody may not do something here; undefined: allowed. */
  denial(question: Parameters<typeof decide>[1], scopes: readonly string[]): string | undefined {
    for (const scope of scopes) {
      const { effect, rule } = decide(this.table.rules(scope), question);
      if (effect === "deny") return rule?.reason ?? `policy ${scope} denies it`;
    }
    return undefined;
  }

  /** The site's and the stream's word on a control message. @throws {MeanderError} `denied` */
  enforce(question: Parameters<typeof decide>[1]): void {
    const { site } = this.options.self;
    for (const scope of [`sites/${site}`, `streams/${question.stream}`]) {
      const reason = this.denial(question, [scope]);
      if (reason === undefined) continue;
      this.tell({
        type: "denied",
        stream: question.stream,
        action: question.action,
        by: question.by,
        reason,
      });
      throw new MeanderError(
        "denied",
        `${question.by} may not ${question.action} ${question.stream} at ${site}: ${reason}`,
        {
          where: `policy ${scope}`,
          next: "ask whoever set this policy",
        },
      );
    }
  }

  resident(id: number): Resident | undefined {
    return this.kernel.residents.get(id);
  }

  agentsOf(id: number): AgentSet | undefined {
    return this.#sets.get(id);
  }

  /** Starts a stream's agents here, without the stream yet. @throws {MeanderError} `code-…`, `executor-failed`, `site-full`, … */
  async openAgents(
    record: StreamRecord,
    state: Uint8Array | readonly { spec: AgentSpec; briefcase: Uint8Array }[],
  ): Promise<AgentSet> {
    const {
      clock,
      random,
      log,
      executors,
      code,
      self,
      streamsMax = LIMITS.residentStreamsMax,
    } = this.options;
    if (this.kernel.residents.size >= streamsMax && this.resident(record.id) === undefined) {
      throw new MeanderError("site-full", `it has ${streamsMax} streams already`, {
        where: `site ${self.site}`,
        next: "choose another site",
      });
    }
    const agents = await AgentSet.open({
      stream: { name: record.name, id: record.id },
      site: self.site,
      state,
      executors,
      isolationOf: (spec) => this.#isolationOf(spec),
      code: (sha256) => code.get(sha256),
      siteAgents: this.agents,
      port: new StreamParty(this, record),
      output: (agent, line) => this.tell({ type: "output", stream: record.name, agent, line }),
      onExit: (agent) => this.#exit(record.name, agent),
      clock,
      random,
      log,
    });
    return agents;
  }

  /** The stream is here from now on. Settles when its agents have been told. */
  async install(
    record: StreamRecord,
    agents: AgentSet,
    state: StreamState,
    first: LifecycleEvent | undefined,
  ): Promise<void> {
    const { id, name, streamEpoch, durability } = record;
    const old = this.#sets.get(id);
    this.#sets.set(id, agents);
    const resident = this.kernel.install({
      id,
      name,
      streamEpoch,
      durability,
      consumer: agents,
      state,
      keep: (bytes) => this.#keep(record, bytes),
      first,
      denies: (sender) => this.#denies(name, sender),
    });
    if (old !== undefined && old !== agents) old.close();
    this.kernel.setLocation(locationOf(record));
    await resident.start();
  }

  /** The stream is not here any more. */
  drop(id: number): void {
    this.#sets.delete(id);
    this.kernel.remove(id);
  }

  /** Asks the leader. @throws {MeanderError} what it refuses with */
  ask(subject: string, payload: object, timeoutMs: number = LIMITS.controlMs): Promise<Json> {
    return this.options.directory.request(subject, payload as Json, { timeoutMs });
  }

  /** Tells everyone who listens of an event here. */
  tell(event: UnplacedEvent): void {
    const { clock, self } = this.options;
    this.events.tell({ ...event, at: clock.wall(), site: self.site } as StreamEvent);
  }

  /** What the leader, at this site, did with streams: what no site tells of itself goes to those who listen. */
  ledTo(event: StreamEvent): void {
    if (event.type === "moved" || event.type === "denied") this.events.tell(event);
  }

  /** A record that is known to be newer than what the watch has told. */
  learn(record: StreamRecord): void {
    const change = this.table.learn(record);
    if (change?.type === "set") this.#located(change.record);
  }

  /** Ends everything at once. Nothing is told to others: streams of this site are taken over like those of one that crashed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const shell of [...this.#shells])
      shell.end(new MeanderError("site-stopped", "the site stops"));
    this.arrivals.close();
    this.departures.close();
    this.events.close();
    this.kernel.close();
    for (const agents of this.#sets.values()) agents.close();
    this.#sets.clear();
    await this.options.executors.inline?.[Symbol.asyncDispose]();
    await this.options.executors.worker?.[Symbol.asyncDispose]();
  }

  /** A shell that is attached here. */
  shellNamed(name: string): ShellEndpoint | undefined {
    for (const shell of this.#shells) if (shell.name === name) return shell.endpoint;
    return undefined;
  }

  /**
   * Sends a message with `send`, and waits for its reply.
   *
   * @throws {MeanderError} `append-timeout`, `append-aborted`, and what the message ended with
   */
  awaitReply(
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
    send: (waiter: ReplyWaiter) => { readonly id: string; readonly forget: () => void },
  ): Promise<AppendAnswer> {
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => {};
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", abort);
      };
      const sent = send({
        resolve: (reply) => {
          end();
          resolve({ id: sent.id, reply });
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
      const giveUp = (code: string, what: string): void => {
        sent.forget();
        end();
        reject(
          new MeanderError(code, what, {
            where: `message ${sent.id}`,
            next: "it stays on its way; see `meander why`",
          }),
        );
      };
      const abort = (): void => giveUp("append-aborted", "nobody waits for it any more");
      if (timeoutMs !== undefined)
        cancel = this.options.clock.after("append", timeoutMs, () =>
          giveUp("append-timeout", `it was not consumed within ${timeoutMs} ms`),
        );
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort);
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  #streamChanged(change: Change): void {
    if (this.#closed) return;
    const news = this.table.takeStream(change);
    if (news === undefined) return;
    if (news.type === "set") {
      this.#located(news.record);
      return;
    }
    const { id } = news.record;
    this.departures.ended(id);
    this.arrivals.ended(id);
    this.drop(id);
    this.kernel.removeLocation(id);
  }

  /** Where a stream is now. What is ready to arrive does; what is elsewhere leaves. */
  #located(record: StreamRecord): void {
    const { self } = this.options;
    const isHere =
      record.site === self.site && record.instance === self.instance && record.status === "live";
    if (isHere) this.arrivals.committed(record);
    this.kernel.setLocation(locationOf(record));
    const resident = this.resident(record.id);
    if (resident !== undefined && resident.streamEpoch < record.streamEpoch) {
      this.departures.ended(record.id);
      this.drop(record.id);
    }
    if (!isHere) this.arrivals.elsewhere(record);
  }

  #kernelEvent(event: KernelEvent): void {
    this.options.onKernelEvent?.(event);
    switch (event.type) {
      case "consumed":
        if (this.events.wants("consumed", event.stream))
          this.tell({
            type: "consumed",
            stream: event.stream,
            message: event.message,
            ms: event.ms,
          });
        return;
      case "failed": {
        const { stream, message, attempt, fault, then } = event;
        this.tell({ type: "failed", stream, message, attempt, error: fault.message, then });
        return;
      }
      case "dead-lettered":
      case "discarded":
        this.tell({
          type: event.type,
          stream: event.stream,
          message: event.message,
          reason: event.reason,
        });
        return;
      case "relocate":
        this.#relocate(event.stream, event.to);
        return;
      case "superseded":
        // A keeper or a sender knows of a later epoch; the directory will tell where.
        queueMicrotask(() => {
          if (this.#closed || this.resident(event.id) === undefined) return;
          this.options.log.warn("A stream was taken over by another site.", {
            stream: event.stream,
          });
          this.departures.ended(event.id);
          this.drop(event.id);
        });
        return;
    }
  }

  #relocate(stream: string, to: string): void {
    const payload = { stream, to, deadlineMs: LIMITS.moveMsDefault, by: stream };
    this.ask("move-stream", payload, LIMITS.moveMsDefault + LIMITS.controlMs).catch(
      (error: unknown) => {
        if (this.#closed) return;
        this.options.log.warn("A stream could not move.", { stream, to, error: messageOf(error) });
        this.tell({ type: "move-aborted", stream, to, reason: messageOf(error) });
      },
    );
  }

  #exit(stream: string, agent: string): void {
    this.ask("detach-agent", { stream, agent, by: stream }).catch((error: unknown) =>
      this.options.log.warn("An agent could not be detached.", {
        stream,
        agent,
        error: messageOf(error),
      }),
    );
  }

  #isolationOf(spec: AgentSpec): Isolation {
    const { executors, allowsInline } = this.options;
    const { isolation } = spec;
    if (isolation === "inline" && allowsInline && executors.inline !== undefined) return "inline";
    if (executors.worker !== undefined) return isolation === "inline" ? "worker" : isolation;
    if (executors.inline !== undefined) return "inline";
    throw new MeanderError("isolation-refused", "this site runs no agents", {
      where: `site ${this.options.self.site}`,
    });
  }

  #denies(stream: string, sender: string): string | undefined {
    const { site } = this.options.self;
    return this.denial({ action: "append", by: sender, stream, site }, [
      "session",
      `sites/${site}`,
      `streams/${stream}`,
    ]);
  }

  /** Brings a stream's record to its keeper; to another one, when that is gone ([M7]). */
  async #keep(first: StreamRecord, state: Uint8Array): Promise<void> {
    const record = this.table.byId(first.id) ?? first;
    const { id, streamEpoch } = first;
    const keeper = this.#isThere(record.keeper) ? record.keeper : this.#otherKeeper(record);
    if (keeper === this.options.self.site) await this.keeper.put(id, streamEpoch, state);
    else
      await this.kernel.request(
        this.instanceOf(keeper),
        "record",
        packValue([id, streamEpoch, state]),
      );
    if (keeper === record.keeper) return;
    const answer = await this.ask("set-keeper", { id, streamEpoch, keeper });
    this.table.learn(answer as unknown as StreamRecord);
    this.options.log.info("The record of a stream has another keeper.", {
      stream: record.name,
      from: record.keeper,
      to: keeper,
    });
  }

  /** The next of a stream's failure managers that is there, the leading site the last. */
  #otherKeeper({ failureManagers, keeper }: StreamRecord): string {
    const { site } = this.options.self;
    const next = failureManagers.find((each) => each !== site && this.#isThere(each));
    return next ?? this.#leader ?? keeper;
  }

  #isThere(site: string): boolean {
    return site === this.options.self.site || this.#sites.some((each) => each.site === site);
  }
}

/** An event before it is known where and when. */
export type UnplacedEvent = StreamEvent extends infer E
  ? E extends StreamEvent
    ? Omit<E, "at" | "site">
    : never
  : never;

function locationOf(record: StreamRecord): Parameters<StreamKernel["setLocation"]>[0] {
  const { id, name, site, instance, streamEpoch, status } = record;
  return { id, name, siteInstance: { site, instance }, streamEpoch, live: status === "live" };
}
