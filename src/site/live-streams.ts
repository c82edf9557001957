import { join } from "node:path";
import {
  type ExecutorMaxima,
  InlineExecutor,
  openGroupedAgentProcesses,
  ProcessExecutor,
  type ProcessPool,
  ProcessReader,
  type ShellPort,
  type StreamEvent,
  type StreamView,
} from "../agent/index.ts";
import { assert, type Clock, type Log, type Random } from "../base/index.ts";
import type { StreamCounts } from "../client/contract/index.ts";
import { CodeStore } from "../code/index.ts";
import type { Admit, Directory, MessageSocket } from "../directory/index.ts";
import {
  type FrameSite,
  type LiveFrameNetwork,
  TcpFrameNetwork,
  UdpFrameNetwork,
} from "../host/frames/index.ts";
import {
  judgeOnce,
  type PingHandler,
  PolicyAgents,
  type Resumption,
  SelfDelivery,
  type SiteAdmission,
  SiteStreams,
  viewOf,
} from "../host/index.ts";
import { FileMarkStore, LmdbRecordStore } from "../host/records/index.ts";
import type { PolicyJudge, SiteRecord } from "../session/index.ts";
import { ShellServer } from "../session/shell/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { isLoopback, nodeCipher } from "../transport/index.ts";
import { ANONYMOUS, type Audit, type Principal } from "../trust/index.ts";
import { ownPolicyRefused, readOwnPolicy } from "./own-policy.ts";

/** Where a site's streams listen and write, and their limits. */
export interface LiveStreamsOptions {
  /** Address to bind. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly transport: "tcp" | "udp";
  /** Whether frames to and from other machines must be private. */
  readonly privateLinks: boolean;
  /** Folder of the records that the site keeps as a failure manager; made if necessary. */
  readonly records: string;
  /** Whether agents may run in this thread; it is locked down for good then. */
  readonly allowInline: boolean;
  /** Streams that the site accepts. */
  readonly maxStreams: number;
  /** What its agents may use at most. */
  readonly maxima: ExecutorMaxima;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Everything of a running site's streams: {@link SiteStreams} on real sockets, threads and files, and the shells that
 * are attached.
 */
export class LiveStreams {
  /** Of the frames, as bound. */
  readonly port: number;
  readonly #options: LiveStreamsOptions;
  readonly #network: LiveFrameNetwork;
  readonly #inline: InlineExecutor | undefined;
  readonly #processes: ProcessPool;
  readonly #shells: ShellServer;
  #self = "";
  #admission: SiteAdmission = { isOpen: false };
  #records: LmdbRecordStore | undefined;
  #marks: FileMarkStore | undefined;
  #halted: string | undefined;
  #onRun: () => void = () => {};
  #onPing: PingHandler = () => undefined;
  #executor: ProcessExecutor | undefined;
  #policies: PolicyAgents | undefined;
  #streams: SiteStreams | undefined;

  /**
   * Binds the port of the frames. The thread is locked down first, if it is to be.
   *
   * @throws {MeanderError} `port-in-use`, `listen-failed`
   */
  static async open(options: LiveStreamsOptions): Promise<LiveStreams> {
    const { allowInline, transport, host, port, clock, random, log } = options;
    const inline = allowInline ? await InlineExecutor.open({ clock, log }) : undefined;
    const Network = transport === "tcp" ? TcpFrameNetwork : UdpFrameNetwork;
    const isPrivate = (address: string): boolean => options.privateLinks && !isLoopback(address);
    const cipher = nodeCipher;
    const network = await Network.open({ host, port, clock, random, cipher, isPrivate, log });
    return new LiveStreams(options, network, inline, await openGroupedAgentProcesses());
  }

  private constructor(
    options: LiveStreamsOptions,
    network: LiveFrameNetwork,
    inline: InlineExecutor | undefined,
    processes: ProcessPool,
  ) {
    const { clock, log } = options;
    this.port = network.port;
    this.#options = options;
    this.#network = network;
    this.#inline = inline;
    this.#processes = processes;
    this.#shells = new ShellServer(
      ({ name, identity }) => this.#started.attachShell(name, identity),
      { clock, log },
    );
  }

  /** The streams of this site run nothing until {@link resume}; to be called before {@link start}. @param why in words */
  halt(why: string): void {
    this.#halted = why;
  }

  /** Calls `listener` whenever the agents of a stream are about to be started here; set before {@link start}. */
  onRun(listener: () => void): void {
    this.#onRun = listener;
  }

  /** Sets what answers the leader's pings; before {@link start}. */
  onPing(handler: PingHandler): void {
    this.#onPing = handler;
  }

  /** Why its streams are halted as a whole; undefined: they are not. */
  get whyHalted(): string | undefined {
    return this.#streams === undefined ? this.#halted : this.#streams.halt.why;
  }

  /** Has the streams of this site go on, if they are halted. */
  resume(): Promise<Resumption> {
    return this.#started.halt.resume();
  }

  /**
   * Opens the records, follows the directory, and accepts the leader's commands. Nothing is sent before {@link join},
   * and
   * no stream runs before {@link setLease}.
   *
   * @param admission whether shells need a token
   * @throws {MeanderError} `records-in-use`, `records-unreadable`, `mark-write-failed`, `directory-…`
   */
  async start(self: SiteInstance, directory: Directory, admission: SiteAdmission): Promise<void> {
    const { records: path, allowInline, maxStreams, maxima, audit } = this.#options;
    const { clock, random, log } = this.#options;
    const records = await LmdbRecordStore.open({ path, log });
    this.#records = records;
    const { site } = self;
    this.#self = site;
    this.#admission = admission;
    if (allowInline) this.#marks = new FileMarkStore({ path: join(path, "running"), site, log });
    const pool = this.#processes;
    const process = new ProcessExecutor({ pool, clock, log, maxima });
    this.#executor = process;
    const code = new CodeStore({
      fetch: (sha256) => directory.getBlob(sha256),
      put: (bytes) => directory.putBlob(bytes),
    });
    this.#policies = new PolicyAgents({ executor: process, code, site, clock, random, log });
    this.#streams = new SiteStreams({
      ...{ self, clock, random, log, directory, records, marks: this.#marks },
      ...{ halted: this.#halted, onRun: this.#onRun, onPing: this.#onPing, audit },
      // What a site sends to itself arrives in a later turn, like everything else.
      network: new SelfDelivery(this.#network, self, (task) => void setImmediate(task)),
      executors: this.#inline === undefined ? { process } : { process, inline: this.#inline },
      reader: new ProcessReader({ pool, clock }),
      code,
      allowsInline: allowInline,
      admission,
      streamsMax: maxStreams,
    });
    await this.#streams.start();
  }

  /** Admits the other sites of the session. */
  join(siteInstance: SiteInstance, linkKey: string): void {
    this.#network.join({ siteInstance, linkKey });
  }

  /** The session has another link key: frames go over new connections. */
  rekey(linkKey: string): void {
    this.#network.rekey(linkKey);
  }

  /** The sites of the session, this one among them. */
  setSites(records: readonly SiteRecord[]): void {
    const sites = records.filter(({ streams }) => streams !== undefined);
    // First the addresses, then what uses them.
    this.#network.setSites(sites.map(frameSiteOf));
    this.#started.setSites(sites);
  }

  /** The site's lease certainly holds until then, by the site's clock. */
  setLease(untilMs: number): void {
    this.#started.setLease(untilMs);
  }

  /** Has policies that are code judge, in processes of this site; they deny before it has started. */
  readonly judge: PolicyJudge = judgeOnce(() => this.#policies);

  /** Has the policies judge that the configuration of this site is replaced. @throws {MeanderError} `denied` */
  judgeConfiguration(by: string): Promise<void> {
    return this.#started.judge.configures(by);
  }

  /** A shell has connected. @param admit decides whether it may */
  accept(socket: MessageSocket, admit: Admit): void {
    this.#shells.accept(socket, admit);
  }

  /** A shell in this process: it asks as this site, and where no token is required as all others do. */
  openShell(name?: string): ShellPort {
    const self: Principal = { kind: "site", name: this.#self };
    const principal = this.#admission.isOpen ? ANONYMOUS : self;
    return this.#started.openShell(name, { principal, token: undefined, rights: undefined });
  }

  /**
   * Makes a file's policy that of this site, as the site itself.
   *
   * @throws {MeanderError} `config-invalid`, and why the leader refuses it: `policy-invalid`, `denied`, `code-…`
   */
  async setOwnPolicy(path: string): Promise<void> {
    const principal: Principal = { kind: "site", name: this.#self };
    const identity = { principal, token: undefined, rights: undefined };
    const shell = this.#started.openShell(undefined, identity);
    try {
      await shell.setPolicy(`sites/${this.#self}`, await readOwnPolicy(path));
    } catch (error) {
      throw ownPolicyRefused(path, error);
    } finally {
      await shell.close();
    }
  }

  /** What the leader, at this site, did with streams. */
  ledTo(event: StreamEvent): void {
    this.#streams?.ledTo(event);
  }

  /** The streams of the session, by name. */
  get views(): readonly StreamView[] {
    return this.#streams?.table.records.map(viewOf) ?? [];
  }

  get counts(): StreamCounts {
    const kernel = this.#streams?.kernel;
    const use = this.#executor?.use;
    const { processes, memoryMb } = { processes: 0, ...use, memoryMb: use?.memoryMb ?? null };
    return {
      resident: this.residentCount,
      shells: this.#shells.shellCount,
      messages: kernel?.counts.toJSON() ?? {},
      frames: this.#network.counts.toJSON(),
      refusedShells: this.#shells.counts.toJSON(),
      peers: this.#network.stats(),
      executors: { processes, memoryMb, groups: this.#processes.groups },
    };
  }

  /** Streams that are here now. */
  get residentCount(): number {
    return this.#streams?.kernel.residents.size ?? 0;
  }

  /** Whether an unhandled rejection of this thread is an agent's, which is handled then. */
  claimRejection(reason: unknown): boolean {
    return this.#inline?.claimRejection(reason) ?? false;
  }

  /** Closes the shells and ends all streams that are still here. When it settles, nothing runs any more. */
  async stop(): Promise<void> {
    await this.#shells.close();
    this.#policies?.close();
    await this.#streams?.close();
    await this.#processes[Symbol.asyncDispose]();
  }

  /** Closes the ports and the records, after {@link stop}. */
  async close(): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
    await this.#records?.close();
    this.#marks?.close();
    this.#marks = undefined;
  }

  get #started(): SiteStreams {
    assert(this.#streams !== undefined, "nothing is asked of streams before they have started");
    return this.#streams;
  }
}

function frameSiteOf({ name: site, instance, streams }: SiteRecord): FrameSite {
  assert(streams !== undefined, "a site that takes frames says where");
  return { site, instance, ...streams };
}
