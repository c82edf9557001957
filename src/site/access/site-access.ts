import type { Clock, Log, Random } from "../../base/index.ts";
import type { Change, Directory } from "../../directory/index.ts";
import { type AccessMode, type AccessPolicy, accessPolicySchema } from "../../session/index.ts";
import type { Audit } from "../../trust/index.ts";
import { Guard, type GuardRules } from "./guard.ts";

/** What a site brings to the rules of its session. */
export interface SiteAccessOptions {
  /** As configured; undefined: the stricter of what the session says and what the site's address requires. */
  readonly mode: AccessMode | undefined;
  /** Whether only this machine reaches the site. */
  readonly isLocal: boolean;
  /** Its name. */
  readonly site?: string | undefined;
  /** Where refusals are noted; absent: nowhere. */
  readonly audit?: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called with the rules whenever they change, first before {@link SiteAccess.start} settles. */
  onRules(rules: GuardRules): void;
}

const REVOKED = "access/revoked/";
const POLICY = "access/policy";
/** Rules of a session without any: no token is valid. */
const NONE: AccessPolicy = { mode: "open", public: [], key: { id: "", x: "" } };

/** The access rules of a site: follows the session's, and passes them to the guards. [A1] [A7] */
export class SiteAccess {
  readonly guard: Guard;
  /** Presented by the site to itself: valid for this run, and known nowhere else. */
  readonly ownToken: string;
  readonly #options: SiteAccessOptions;
  readonly #revoked = new Set<string>();
  readonly #undo: (() => void)[] = [];
  #policy = NONE;
  #synced = false;

  constructor(options: SiteAccessOptions) {
    this.#options = options;
    this.guard = new Guard(options);
    const words = Array.from({ length: 8 }, () => options.random.uint32());
    this.ownToken = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  /** The mode in force. */
  get mode(): AccessMode {
    const { mode, isLocal } = this.#options;
    return mode ?? (isLocal ? this.#policy.mode : "tokens");
  }

  /** Names the session: the key that its tokens are signed with. */
  get session(): string {
    return this.#policy.key.id;
  }

  /** Follows the session's rules. While the directory is unreachable, the last known ones apply. */
  async start(directory: Directory): Promise<void> {
    this.#undo.push(
      await directory.watch(REVOKED, (change) => this.#take(change)),
      await directory.watch(POLICY, (change) => this.#take(change)),
    );
    this.#synced = true;
    this.#tell();
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.guard.book.close();
  }

  #take(change: Change): void {
    if (change.type === "put" && change.entry.key === POLICY) {
      const policy = accessPolicySchema.safeParse(change.entry.value).data;
      if (policy === undefined)
        this.#options.log.error("The session's access rules are not valid.");
      else this.#policy = policy;
    } else if (change.type === "put") this.#revoked.add(change.entry.key.slice(REVOKED.length));
    // A policy that vanishes changes nothing: a lost directory must not open a site.
    else if (change.type === "deleted" && change.key.startsWith(REVOKED))
      this.#revoked.delete(change.key.slice(REVOKED.length));
    if (this.#synced) this.#tell();
  }

  #tell(): void {
    const { mode, ownToken } = this;
    const { site } = this.#options;
    const rules = { ...this.#policy, mode, ownToken, site, revoked: [...this.#revoked] };
    this.guard.setRules(rules);
    this.#options.onRules(rules);
  }
}
