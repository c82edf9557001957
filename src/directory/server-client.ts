import {
  type Counters,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  unreachable,
} from "../base/index.ts";
import type { Audit } from "../trust/index.ts";
import { type MemberCaller, memberCaller } from "./caller.ts";
import { ClientGate, type ClientGateOptions } from "./client-gate.ts";
import type { Entry, Json } from "./directory.ts";
import type { LeaderDirectory, Page } from "./leader-directory.ts";
import type { MembersUse } from "./member-use.ts";
import type { Admit, MessageSocket } from "./message-socket.ts";
import {
  type ClientCall,
  type ClientMessage,
  decodeClientMessage,
  type MessageFault,
  PROTOCOL,
  type ServerMessage,
  type ServingMessage,
} from "./messages.ts";
import { type DirectoryRights, directoryDenied } from "./rights.ts";
import { ServedBlobs } from "./served-blobs.ts";
import { isServing, ServedSite } from "./served-site.ts";
import type { KeyChange } from "./watch-mirror.ts";
import { encodeError } from "./wire-error.ts";

type Hello = Extract<ClientMessage, { readonly type: "hello" }>;

/** Checks of the watchdog that a client may stay silent for. */
const SILENCES_MAX = 3;

/** One client of a directory: what it asked for and watches. */
export class ServerClient {
  readonly #directory: LeaderDirectory;
  readonly #socket: MessageSocket;
  readonly #log: Log;
  readonly #counts: Counters;
  readonly #blobs: ServedBlobs;
  readonly #site: ServedSite;
  readonly #admit: Admit | undefined;
  readonly #enter: (caller: MemberCaller) => void;
  readonly #judge: ClientGateOptions;
  /** By the client's number; undefined while the watch is being made. */
  readonly #watches = new Map<number, (() => void) | undefined>();
  #calls = 0;
  #silences = 0;
  /** The client has said hello. */
  #greeting = false;
  /** Set when it was let in. */
  #gate: ClientGate | undefined;
  #ended = false;
  #left: () => void = () => {};

  constructor(
    directory: LeaderDirectory,
    socket: MessageSocket,
    {
      log,
      counts,
      admit,
      rights,
      use,
      audit,
      enter,
    }: {
      readonly log: Log;
      readonly counts: Counters;
      readonly admit: Admit | undefined;
      readonly rights: DirectoryRights;
      readonly use: MembersUse;
      /** Where it is noted what the client may not do. */
      readonly audit: Audit;
      /** Takes a place for the client, which was admitted. @throws {MeanderError} when there is none */
      enter(caller: MemberCaller): void;
    },
  ) {
    this.#directory = directory;
    this.#socket = socket;
    this.#admit = admit;
    this.#enter = enter;
    this.#log = log;
    this.#counts = counts;
    this.#judge = { rights, use, counts, audit, log };
    this.#blobs = new ServedBlobs(directory);
    this.#site = new ServedSite(directory.sites, counts, (message) => this.#send(message));
    socket.onMessage((text) => this.#receive(text));
  }

  /** Who it is; undefined until it was let in. */
  get caller(): MemberCaller | undefined {
    return this.#gate?.caller;
  }

  /** [D22] Ends a client that may not stay. */
  dismiss(error: MeanderError): void {
    this.#send({ type: "goodbye", error: encodeError(error) });
    this.close();
  }

  /** To be called regularly: closes a client that has been silent. */
  checkLife(): void {
    if (++this.#silences > SILENCES_MAX) this.close();
  }

  /** Closes the socket. */
  close(): void {
    this.#socket.close();
  }

  /** The directory closes: ends the client without a word to the leader, for whom its site has not gone. */
  shut(): void {
    this.#site.end("closing");
    this.end();
    this.#socket.close();
  }

  /** The socket has ended: watches end with it, leases do not. */
  end(): void {
    this.#ended = true;
    for (const undo of this.#watches.values()) undo?.();
    this.#watches.clear();
    this.#blobs.clear();
    this.#site.end("gone");
    this.#left();
  }

  #receive(text: string): void {
    if (this.#ended) return;
    this.#silences = 0;
    const message = decodeClientMessage(text);
    if (typeof message === "string") this.#invalid(message);
    else if (message.type === "hello") void this.#greet(message);
    else if (this.#gate === undefined) this.#invalid("hello");
    else if (message.type === "ping") this.#send({ type: "pong" });
    else if (isServing(message)) this.#serving(message, this.#gate);
    else void this.#answer(message, this.#gate, text.length);
  }

  async #greet({ protocol, token, site }: Hello): Promise<void> {
    const hello = { type: "hello", protocol: PROTOCOL, directory: this.#directory.id } as const;
    if (protocol !== PROTOCOL) {
      this.#send(hello);
      return this.#invalid("protocol");
    }
    if (this.#greeting) return this.#invalid("hello");
    this.#greeting = true;
    try {
      const admission = this.#admit && (await this.#admit(token, site));
      if (this.#ended) return;
      const caller = memberCaller(site, admission?.token);
      this.#enter(caller);
      this.#left = admission?.hold((error) => this.dismiss(error)) ?? (() => {});
      this.#gate = new ClientGate(caller, this.#judge);
    } catch (error) {
      this.#counts.add("refused");
      this.dismiss(this.#refusalOf("hello", error));
      return;
    }
    this.#send(hello);
  }

  /** [D21] [D25] A site says whose calls it takes: one that speaks for another is sent away. */
  #serving(message: ServingMessage, gate: ClientGate): void {
    if (message.type === "serve" && !gate.serves(message.site)) {
      this.dismiss(directoryDenied(gate.caller, `take calls to site ${message.site}`, "serve"));
    } else if (!this.#site.take(message)) this.#invalid("serve");
  }

  #invalid(fault: MessageFault | "hello" | "protocol" | "serve"): void {
    this.#counts.add(`invalid-${fault}`);
    this.#log.warn("A directory client sent a malformed message.", { fault });
    this.close();
  }

  async #answer(call: ClientCall, gate: ClientGate, bytes: number): Promise<void> {
    const { id } = call;
    this.#calls++;
    try {
      if (this.#calls > LIMITS.directoryCallsMax) throw busy();
      gate.check(call, bytes);
      this.#send({ type: "answer", id, result: await this.#do(call, gate) });
    } catch (error) {
      this.#send({ type: "refused", id, error: encodeError(this.#refusalOf(call.type, error)) });
    } finally {
      this.#calls--;
    }
  }

  #refusalOf(call: string, error: unknown): MeanderError {
    if (error instanceof MeanderError) return error;
    this.#log.error("A call to the directory failed.", {
      call,
      error: messageOf(error),
    });
    return new MeanderError("directory-failed", `the call ${call} failed`, {
      where: "directory",
      next: "look into the log of the leading site",
    });
  }

  async #do(call: ClientCall, gate: ClientGate): Promise<Json> {
    const directory = this.#directory;
    switch (call.type) {
      case "get":
        return jsonOfEntry(await directory.get(call.key));
      case "list":
        return jsonOfPage(await this.#page(call.prefix, call.after, gate));
      case "put":
        return await directory.put(call.key, call.value, leaseOf(call));
      case "compare-and-set": {
        const { key, expected, value } = call;
        return (await directory.compareAndSet(key, expected, value, leaseOf(call))) ?? null;
      }
      case "delete":
        return await directory.delete(call.key, call.expected);
      case "watch":
        return await this.#watch(call.watch, call.prefix, gate);
      case "unwatch":
        this.#watches.get(call.watch)?.();
        this.#watches.delete(call.watch);
        return null;
      case "grant-lease": {
        const lease = await directory.grantLease(call.ttlMs);
        gate.granted(lease);
        return { ...lease };
      }
      case "renew-lease":
        await directory.renewLease({ id: call.lease, ttlMs: 0 });
        gate.renewed(call.lease);
        return null;
      case "revoke-lease":
        await directory.revokeLease({ id: call.lease, ttlMs: 0 });
        gate.revoked(call.lease);
        return null;
      case "get-blob":
        return await this.#blobs.get(call.sha256, call.offset);
      case "put-blob":
        return await this.#blobs.put(call);
      case "request":
        return await directory.requestOf(gate.caller, call.subject, call.payload);
      default:
        return unreachable(call);
    }
  }

  /** The next page with something that the client may read. */
  async #page(prefix: string, after: string, gate: ClientGate): Promise<Page> {
    for (let from = after; ; ) {
      const page = await this.#directory.page(prefix, from);
      const entries = page.entries.filter(({ key }) => gate.reads(key));
      const last = page.entries.at(-1)?.key;
      if (entries.length > 0 || !page.more || last === undefined) return { ...page, entries };
      from = last;
    }
  }

  /** Sends changes from now on. The keys there are the client lists by itself, a page at a time. */
  async #watch(watch: number, prefix: string, gate: ClientGate): Promise<Json> {
    if (this.#watches.size >= LIMITS.directoryWatchesMax || this.#watches.has(watch)) {
      throw new MeanderError("directory-full", `watch ${watch} cannot be added`, {
        where: "directory",
        expected: `at most ${LIMITS.directoryWatchesMax} watches of one client, each with its number`,
      });
    }
    this.#watches.set(watch, undefined);
    let live = false;
    try {
      const undo = await this.#directory.watch(prefix, (change) => {
        if (change.type === "synced") live = true;
        else if (live && gate.reads(keyOf(change))) this.#send({ type: "change", watch, change });
      });
      if (this.#ended || !this.#watches.has(watch)) undo();
      else this.#watches.set(watch, undo);
      return null;
    } catch (error) {
      this.#watches.delete(watch);
      throw error;
    }
  }

  #send(message: ServerMessage): void {
    if (!this.#ended) this.#socket.send(JSON.stringify(message));
  }
}

function keyOf(change: KeyChange): string {
  return change.type === "put" ? change.entry.key : change.key;
}

function leaseOf(call: { readonly lease?: string | undefined }): {
  lease?: { id: string; ttlMs: number };
} {
  return call.lease === undefined ? {} : { lease: { id: call.lease, ttlMs: 0 } };
}

function jsonOfEntry(entry: Entry | undefined): Json {
  return entry === undefined ? null : { ...entry };
}

function jsonOfPage({ entries, more, revision }: Page): Json {
  return { entries: entries.map((entry) => ({ ...entry })), more, revision };
}

function busy(): MeanderError {
  return new MeanderError(
    "directory-busy",
    `${LIMITS.directoryCallsMax} calls wait for their answer`,
    {
      where: "directory",
      next: "wait for answers before more calls",
    },
  );
}
