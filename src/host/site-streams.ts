import type { Executor, StreamEvent, UploadReader } from "../agent/index.ts";
import type { AgentSet } from "../agent/set/index.ts";
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
import {
  ANONYMOUS_SHELL,
  BARRED_KEYS,
  type ShellIdentity,
  type SiteRecord,
  type StreamRecord,
} from "../session/index.ts";
import {
  type FrameNetwork,
  Keeper,
  type KernelEvent,
  type MarkStore,
  type RecordStore,
  type Resident,
  type ShellEndpoint,
  type SiteInstance,
  StreamKernel,
} from "../stream/index.ts";
import { type Audit, NO_AUDIT } from "../trust/index.ts";
import { AgentSessionPort } from "./agent-session-port.ts";
import { Arrivals } from "./arrivals.ts";
import { AttachedShell, type ShellAccess } from "./attached-shell.ts";
import { BarredOwners } from "./barred-owners.ts";
import { Departures } from "./departures.ts";
import { EventFeed } from "./event-feed.ts";
import { freeLabel } from "./free-label.ts";
import { HostedStreams, locationOf } from "./hosted-streams.ts";
import { InlineMarks } from "./inline-marks.ts";
import { reportOf } from "./kernel-reports.ts";
import { OwnerPace } from "./owner-pace.ts";
import { Permits } from "./permits.ts";
import { PolicyGuard } from "./policy-guard.ts";
import type {
  AskLeader,
  MoveSettlement,
  PingHandler,
  ReportEvent,
  SiteAdmission,
} from "./ports.ts";
import { RecordWriter } from "./record-writer.ts";
import { SessionSites } from "./session-sites.ts";
import { askerOf, claimOf } from "./shell-identity.ts";
import { SiteHalt } from "./site-halt.ts";
import { SiteJudge } from "./site-judge.ts";
import { SiteRequests } from "./site-requests.ts";
import { StreamCommands } from "./stream-commands.ts";
import { StreamTable } from "./stream-table.ts";
import type { StreamLookup } from "./stream-views.ts";
import { Uploads } from "./uploads.ts";

/** What {@link SiteStreams} run on. */
export interface SiteStreamsOptions {
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly directory: Directory;
  /** Also carries what this site sends to itself. */
  readonly network: FrameNetwork;
  /** Of the streams that this site keeps as their failure manager. */
  readonly records: RecordStore;
  /** Notes what of streams without records runs in this process. Undefined: it is not noted. */
  readonly marks?: MarkStore | undefined;
  readonly executors: { readonly inline?: Executor; readonly process?: Executor };
  /** Reads uploaded code. */
  readonly reader: UploadReader;
  readonly code: CodeStore;
  /** Whether agents may run in this thread. False: those that ask for it run in a process. */
  readonly allowsInline: boolean;
  /** Whether shells need a token; default: they need none. */
  readonly admission?: SiteAdmission | undefined;
  /** Streams that this site accepts; default: `LIMITS.residentStreamsMax`. */
  readonly streamsMax?: number | undefined;
  /** Why the streams of this site are halted from the start; undefined: they are not. */
  readonly halted?: string | undefined;
  /** The agents of a stream are about to be started here. */
  readonly onRun?: (() => void) | undefined;
  /** Default: nothing is known of rooms. */
  readonly onPing?: PingHandler | undefined;
  /** Where it is noted what shells and streams do and are refused; absent: nowhere. */
  readonly audit?: Audit | undefined;
  /** Called with every event of the kernel, before it takes effect. */
  readonly onKernelEvent?: ((event: KernelEvent) => void) | undefined;
  /** Called with every event that this site reports, before its listeners. */
  readonly onEvent?: ((event: StreamEvent) => void) | undefined;
}

/**
 * The mobile streams of a site: its kernel, the streams here with their agents, the leader's commands, and the attached
 * shells. It composes the parts of this folder; the live site and the simulator differ in the ports that they pass.
 */
export class SiteStreams {
  readonly kernel: StreamKernel;
  readonly table = new StreamTable();
  /** Whether its streams are halted as a whole, and what has them go on. */
  readonly halt: SiteHalt;
  /** Has policies judge what is done to the site. */
  readonly judge: SiteJudge;
  readonly #options: SiteStreamsOptions;
  readonly #policy: PolicyGuard;
  readonly #sites: SessionSites;
  readonly #events: EventFeed;
  readonly #streams: HostedStreams;
  readonly #departures: Departures;
  readonly #arrivals: Arrivals;
  readonly #commands: StreamCommands;
  readonly #shellAccess: ShellAccess;
  readonly #shells = new Set<AttachedShell>();
  readonly #barred: BarredOwners;
  #undo: Cancel[] = [];
  /** Names of streams whose move this site has asked for. */
  readonly #moving = new Set<string>();
  #closed = false;

  constructor(options: SiteStreamsOptions) {
    this.#options = options;
    const { self, clock, random, log, directory, network, records, reader, onEvent } = options;
    const { site } = self;
    const { table } = this;
    this.#barred = new BarredOwners(log);
    const keeper = new Keeper(records);
    const sites = new SessionSites(self);
    const kernel = new StreamKernel({
      self,
      clock,
      random,
      network,
      onSiteRequest: (from, kind, payload) => requests.answer(from, kind, payload),
      onEvent: (event) => this.#kernelEvent(event),
    });
    const events = new EventFeed({ sites, clock, log, calls: kernel, onEvent });
    const report: ReportEvent = (event) => events.report(event);
    const askLeader = this.#askLeader;
    const learn = (record: StreamRecord): void => this.#learn(record);
    const moves: MoveSettlement = {
      settle: async (id, move) =>
        (await askLeader("settle-move", { id, move })) as unknown as StreamRecord,
      learn,
    };
    const { audit = NO_AUDIT } = options;
    const policy = new PolicyGuard({ site, clock, table, report, audit, askLeader });
    const writer = new RecordWriter({ sites, table, keeper, calls: kernel, askLeader, log });
    const marks = new InlineMarks({
      ...{ self, clock, store: options.marks },
      write: (record, mark) => writer.mark(record, mark),
    });
    const pace = new OwnerPace(clock, log);
    const uploads = new Uploads({ reader, code: options.code, pace, audit });
    const resident = (id: number) => kernel.residents.get(id);
    const access = { site, clock, directory, table, uploads, askLeader, learn, resident };
    const streams = new HostedStreams({
      ...{ site, clock, random, log, kernel, marks, report, pace },
      executors: this.#barred.over(options.executors),
      code: options.code,
      allowsInline: options.allowsInline,
      streamsMax: options.streamsMax,
      onRun: options.onRun ?? (() => {}),
      portOf: (record) => new AgentSessionPort(access, record),
      writeRecord: (record, state) => writer.write(record, state),
      appendDenial: (stream, sender) => policy.appendDenial(stream, sender),
      onAgentExit: (stream, agent) => this.#agentExited(stream, agent),
    });
    const halt = new SiteHalt({ site, log, streams, table }, options.halted);
    const departures = new Departures({ clock, streams, kernel, moves });
    const arrivals = new Arrivals({ clock, log, streams, moves });
    const lookup: StreamLookup = {
      site,
      resident,
      byName: (name) => table.byName(name),
      agentsOf: (id) => streams.agentsOf(id),
      isMoving: (stream) => this.#moving.has(stream),
      whyHalted: () => this.halt.why,
      shellNamed: (name) => this.#shellNamed(name),
    };
    const permits = new Permits(clock);
    const { admission = { isOpen: true } } = options;
    const requests = new SiteRequests({
      ...{ lookup, keeper, table, streams, arrivals, events, policy, halt, permits, admission },
    });
    this.#commands = new StreamCommands({
      ...{ site, log, directory, kernel, keeper, streams, marks, arrivals, departures, moves },
      ...{ policy, halt, permits, report, onPing: options.onPing ?? (() => undefined) },
      isShell: (name) => this.#shellNamed(name) !== undefined,
    });
    const isStopped = (): boolean => this.#closed;
    this.#shellAccess = {
      ...access,
      ...{ sessionSites: sites, calls: kernel, kernel, events, policy, audit, isStopped },
    };
    this.#policy = policy;
    this.judge = new SiteJudge({ site, table, askLeader, audit });
    this.kernel = kernel;
    this.halt = halt;
    this.#sites = sites;
    this.#events = events;
    this.#streams = streams;
    this.#departures = departures;
    this.#arrivals = arrivals;
  }

  /** Follows the directory and executes the leader's commands from now on. */
  async start(): Promise<void> {
    const { directory, self } = this.#options;
    this.#undo.push(
      await directory.watch(BARRED_KEYS, (change) => this.#barred.take(change)),
      await directory.watch("policy/", (change) => {
        this.table.policyChanged(change);
        this.#policy.policyChanged(change);
      }),
      await directory.watch("streams/", (change) => this.#streamChanged(change)),
    );
    // No command is executed before the policies are known.
    if (!this.#closed)
      this.#undo.push(directory.serve(self, (payload) => this.#commands.answer(payload)));
  }

  /** The sites that streams may move to. */
  get sites(): readonly SiteInstance[] {
    return this.#sites.all;
  }

  setSites(sites: readonly SiteRecord[]): void {
    this.#sites.update(sites);
    this.kernel.setSites(this.#sites.all);
    this.#events.sitesChanged();
  }

  /** This site's lease certainly holds until that time on the site's clock. */
  setLease(untilMs: number): void {
    const held = this.kernel.leaseHolds;
    this.kernel.setLease(untilMs);
    // The other sites may have given this one up meanwhile.
    if (!held) this.#events.informAgain();
  }

  /**
   * Attaches a shell.
   *
   * @param name which it would like; it gets another when that is taken. Default: a random one
   * @param identity what it has shown; default: nothing
   * @throws {MeanderError} `site-stopped`
   */
  openShell(name?: string, identity: ShellIdentity = ANONYMOUS_SHELL): AttachedShell {
    const { self, random } = this.#options;
    if (this.#closed)
      throw new MeanderError("site-stopped", "the site is stopping", {
        where: `site ${self.site}`,
      });
    const isTaken = (label: string): boolean =>
      this.#shellNamed(label) !== undefined || this.table.byName(label) !== undefined;
    const label = freeLabel(name, random, isTaken);
    const shell = new AttachedShell(this.#shellAccess, label, identity, () => {
      this.#shells.delete(shell);
      void this.kernel.tellAll({ type: "clientDetached", client: shell.name });
    });
    this.#shells.add(shell);
    void this.kernel.tellAll({ type: "clientAttached", client: shell.name });
    return shell;
  }

  /**
   * Attaches a shell that comes from outside of this process, when the policies let it.
   *
   * @throws {MeanderError} `denied`, `site-stopped`, and the directory's
   */
  async attachShell(name: string | undefined, identity: ShellIdentity): Promise<AttachedShell> {
    const claim = claimOf(identity, name);
    await this.judge.clientAttaches(askerOf(identity, name, this.#options.self.site), claim);
    const shell = this.openShell(name, identity);
    void shell.closed.then(() => this.judge.clientDetached(claim));
    return shell;
  }

  resident(id: number): Resident | undefined {
    return this.kernel.residents.get(id);
  }

  agentsOf(id: number): AgentSet | undefined {
    return this.#streams.agentsOf(id);
  }

  /** Passes on what the leader, at this site, did with streams, as far as no other site reports it. */
  ledTo(event: StreamEvent): void {
    if (event.type === "moved" || event.type === "denied") this.#events.publish(event);
  }

  /** Stops at once, without a word to other sites: they take the streams over as after a crash. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const shell of [...this.#shells])
      shell.end(new MeanderError("site-stopped", "the site is stopping"));
    this.#arrivals.close();
    this.#departures.close();
    this.#events.close();
    this.kernel.close();
    this.#streams.close();
    const { inline, process } = this.#options.executors;
    await inline?.[Symbol.asyncDispose]();
    await process?.[Symbol.asyncDispose]();
  }

  readonly #askLeader: AskLeader = (subject, payload, timeoutMs = LIMITS.controlMs) =>
    this.#options.directory.request(subject, payload as Json, { timeoutMs });

  #shellNamed(name: string): ShellEndpoint | undefined {
    for (const shell of this.#shells) if (shell.name === name) return shell.endpoint;
    return undefined;
  }

  #learn(record: StreamRecord): void {
    const change = this.table.learn(record);
    if (change?.type === "set") this.#located(change.record);
  }

  #streamChanged(change: Change): void {
    if (this.#closed) return;
    const news = this.table.streamChanged(change);
    if (news === undefined) return;
    if (news.type === "set") {
      this.#located(news.record);
      return;
    }
    const { id } = news.record;
    this.#departures.ended(id);
    this.#arrivals.ended(id);
    this.#streams.drop(id);
    this.kernel.removeLocation(id);
  }

  /** Applies where a stream is now: one that is ready here arrives, one that is elsewhere leaves. */
  #located(record: StreamRecord): void {
    const { self } = this.#options;
    const isHere =
      record.site === self.site && record.instance === self.instance && record.status === "live";
    if (isHere) this.#arrivals.committed(record);
    this.kernel.setLocation(locationOf(record));
    const resident = this.resident(record.id);
    if (resident !== undefined && resident.streamEpoch < record.streamEpoch) {
      this.#departures.ended(record.id);
      this.#streams.drop(record.id);
    }
    if (!isHere) this.#arrivals.elsewhere(record);
  }

  #kernelEvent(event: KernelEvent): void {
    this.#options.onKernelEvent?.(event);
    const report = reportOf(event, (type, stream) => this.#events.wants(type, stream));
    if (report !== undefined) this.#events.report(report);
    if (event.type === "relocate") this.#relocate(event.stream, event.to);
    // A keeper or a sender knows a later stream epoch; the directory will report where the stream is.
    if (event.type === "superseded") queueMicrotask(() => this.#superseded(event.stream, event.id));
  }

  #superseded(stream: string, id: number): void {
    if (this.#closed || this.resident(id) === undefined) return;
    this.#options.log.warn("A stream was taken over by another site.", { stream });
    this.#departures.ended(id);
    this.#streams.drop(id);
  }

  #relocate(stream: string, to: string): void {
    const payload = { stream, to, deadlineMs: LIMITS.moveMsDefault, by: `stream:${stream}` };
    this.#moving.add(stream);
    this.#askLeader("move-stream", payload, LIMITS.moveMsDefault + LIMITS.controlMs)
      .catch((error: unknown) => {
        if (this.#closed) return;
        const reason = messageOf(error);
        this.#options.log.warn("A stream could not move.", { stream, to, error: reason });
        this.#events.report({ type: "move-aborted", stream, to, reason });
      })
      .finally(() => this.#moving.delete(stream));
  }

  #agentExited(stream: string, agent: string): void {
    this.#askLeader("detach-agent", { stream, agent, by: `stream:${stream}` }).catch(
      (error: unknown) =>
        this.#options.log.warn("An agent could not be detached.", {
          stream,
          agent,
          error: messageOf(error),
        }),
    );
  }
}
