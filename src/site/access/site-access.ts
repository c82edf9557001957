import type { Clock, Log, Random } from "../../base/index.ts";
import type { Change, Directory } from "../../directory/index.ts";
import { type AccessMode, type AccessPolicy, accessPolicySchema } from "../../session/index.ts";
import { Guard, type GuardRules } from "./guard.ts";

/** What a site brings to the rules of its session. */
export interface SiteAccessOptions {
  /** As the site was told; undefined: the stricter of what the session says and what its address asks for. */
  readonly mode: AccessMode | undefined;
  /** Whether only this machine reaches the site. */
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told each time they change, the first time before {@link SiteAccess.start} settles. */
  onRules(rules: GuardRules): void;
}

const REVOKED = "access/revoked/";
const POLICY = "access/policy";
/** Rules of a session that has none: nobody can show a token that is good. */
const NONE: AccessPolicy = { mode: "open", public: [], key: { id: "", x: "" } };

/** The rules of a site: follows the session's, and tells whoever decides by them. [A1] [A7] */
export class SiteAccess {
  readonly guard: Guard;
  /** Shown by the site to itself: it lasts as long as this start, and is known nowhere else. */
  readonly ownToken: string;
  readonly #options: SiteAccessOptions;
  readonly #revoked = new Set<string>();
  readonly #undo: (() => void)[] = [];
  #policy = NONE;
  #synced = false;

  constructor(options: SiteAccessOptions) {
    this.#options = options;
    this.guard = new Guard({ clock: options.clock });
    const words = Array.from({ length: 8 }, () => options.random.uint32());
    this.ownToken = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  /** The way that the site goes by now. */
  get mode(): AccessMode {
    const { mode, isLocal } = this.#options;
    return mode ?? (isLocal ? this.#policy.mode : "tokens");
  }

  /** Names the session: the key that its tokens are signed with. */
  get session(): string {
    return this.#policy.key.id;
  }

  /** Follows the session's rules. While the directory is gone, those last heard of hold. */
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
    // A policy that vanishes changes nothing, as a directory that was lost must not open a site.
    else if (change.type === "deleted" && change.key.startsWith(REVOKED))
      this.#revoked.delete(change.key.slice(REVOKED.length));
    if (this.#synced) this.#tell();
  }

  #tell(): void {
    const { mode, ownToken } = this;
    const rules = { ...this.#policy, mode, ownToken, revoked: [...this.#revoked] };
    this.guard.setRules(rules);
    this.#options.onRules(rules);
  }
}
