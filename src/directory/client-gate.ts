import { type Counters, type Log, unreachable } from "../base/index.ts";
import { type Audit, principalText } from "../trust/index.ts";
import type { MemberCaller } from "./caller.ts";
import type { Lease } from "./directory.ts";
import { checkKey, checkPrefix } from "./key.ts";
import type { MembersUse } from "./member-use.ts";
import type { ClientCall } from "./messages.ts";
import { type DirectoryRights, directoryDenied } from "./rights.ts";

/** What a {@link ClientGate} judges by. */
export interface ClientGateOptions {
  readonly rights: DirectoryRights;
  /** Of all members. */
  readonly use: MembersUse;
  /** Gets `denied`. */
  readonly counts: Counters;
  readonly log: Log;
  readonly audit: Audit;
}

/** [D25] [D26] Judges each call of one client before anything is done. */
export class ClientGate {
  readonly caller: MemberCaller;
  readonly #options: ClientGateOptions;
  /** What was logged of this client: one line for each kind of call. */
  readonly #logged = new Set<string>();

  constructor(caller: MemberCaller, options: ClientGateOptions) {
    this.caller = caller;
    this.#options = options;
  }

  /** Whether the client is told of a key. */
  reads(key: string): boolean {
    return this.#options.rights.mayRead(this.caller, key);
  }

  /** Whether the client may take the leader's calls to a site. */
  serves(site: string): boolean {
    const may = this.#options.rights.mayServe(this.caller, site);
    if (!may) this.#note("serve", `site ${site}`);
    return may;
  }

  /**
   * @param bytes of the message
   * @throws {MeanderError} `directory-denied`, `rate-limited`, `directory-full`, `directory-key-invalid`
   */
  check(call: ClientCall, bytes: number): void {
    const { caller } = this;
    const { rights, use } = this.#options;
    switch (call.type) {
      case "get":
        checkKey(call.key);
        this.#require(rights.mayRead(caller, call.key), call.type, `read ${call.key}`);
        break;
      case "list":
      case "watch": {
        const { prefix } = call;
        checkPrefix(prefix);
        const may = rights.mayList(caller, prefix);
        this.#require(may, call.type, `read what starts with ${prefix}`);
        break;
      }
      case "put":
      case "compare-and-set":
        this.#checkWrite(call.type, call.key, bytes);
        if (call.lease !== undefined) this.#checkLease(call.type, call.lease);
        break;
      case "delete":
        this.#checkWrite(call.type, call.key, bytes);
        break;
      case "grant-lease":
        use.lease(caller);
        break;
      case "renew-lease":
      case "revoke-lease":
        this.#checkLease(call.type, call.lease);
        break;
      case "put-blob":
        // Its parts follow one another; the first announces all.
        if (call.offset === 0) use.blob(caller, call.bytes);
        break;
      case "get-blob":
      case "unwatch":
      case "request":
        break;
      default:
        unreachable(call);
    }
  }

  granted(lease: Lease): void {
    this.#options.use.granted(this.caller, lease);
  }

  renewed(lease: string): void {
    this.#options.use.renewed(this.caller, lease);
  }

  revoked(lease: string): void {
    this.#options.use.revoked(this.caller, lease);
  }

  #checkWrite(type: string, key: string, bytes: number): void {
    checkKey(key);
    this.#require(this.#options.rights.mayWrite(this.caller, key), type, `write ${key}`);
    this.#options.use.write(this.caller, bytes);
  }

  #checkLease(type: string, lease: string): void {
    const owns = this.#options.use.owns(this.caller, lease);
    this.#require(owns, type, "use a lease that another was granted");
  }

  #require(may: boolean, type: string, what: string): void {
    if (may) return;
    this.#note(type, what);
    throw directoryDenied(this.caller, what, `directory ${type}`);
  }

  #note(type: string, what: string): void {
    const { counts, log, audit } = this.#options;
    counts.add("denied");
    audit.note({
      ...{ by: principalText(this.caller.principal), token: this.caller.token?.id },
      ...{ what: "directory.call" as const, on: what, verdict: "denied" as const },
      rule: "directory-denied",
      reason: "what a site reads and writes is its own",
    });
    if (this.#logged.has(type)) return;
    this.#logged.add(type);
    const { site: peer, token } = this.caller;
    log.warn("A client of the directory may not do what it asked.", {
      ...{ peer, token: token?.id, call: type, what },
    });
  }
}
