import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Cancel, type Clock, LIMITS, type Log, messageOf } from "../../base/index.ts";
import type { Directory } from "../../directory/index.ts";
import { writeSecret } from "./secret-file.ts";

/** What a {@link MemberCredential} works with. */
export interface MemberCredentialOptions {
  /** As the operator gave it; undefined: none. */
  readonly given: string | undefined;
  /** The site's folder. */
  readonly folder: string;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Name of the file with the token with which a member returns. */
const FILE = "member-token";
/** How often that token is renewed, ms: it lives for a week. */
const RENEW_MS = 86_400_000;
/** When that failed, ms. */
const RETRY_MS = 60_000;

const answerSchema = z.object({ token: z.string().min(1).max(LIMITS.tokenCharactersMax) });

/**
 * What a site presents to its leader: the token that it was given, and from then on one of its own that the leader
 * renews
 * every day, so that a site can return after the given one has expired. [A10]
 */
export class MemberCredential {
  readonly #options: MemberCredentialOptions;
  #kept: string | undefined;
  /** The given token is presented, not the stored one. */
  #showsGiven = false;
  #cancel: Cancel | undefined;
  #closed = false;

  private constructor(options: MemberCredentialOptions, kept: string | undefined) {
    this.#options = options;
    this.#kept = kept;
  }

  static async open(options: MemberCredentialOptions): Promise<MemberCredential> {
    const text = await readFile(join(options.folder, FILE), "utf8").catch(() => "");
    return new MemberCredential(options, text.trim() === "" ? undefined : text.trim());
  }

  /** What the next handshake presents; undefined: nothing. */
  get token(): string | undefined {
    const { given } = this.#options;
    return this.#showsGiven || this.#kept === undefined ? given : this.#kept;
  }

  /** The leader refused what was presented. True when there is another token to try. */
  refused(): boolean {
    const { given } = this.#options;
    if (this.#showsGiven || this.#kept === undefined || given === undefined) {
      this.#showsGiven = false;
      return false;
    }
    this.#showsGiven = true;
    return true;
  }

  /** Has the leader issue a token of this site's own, now and regularly. Without a token there is nothing to renew. */
  async keep(directory: Directory): Promise<void> {
    const { clock, log, site, folder } = this.#options;
    const authority = this.token;
    if (authority === undefined || this.#closed) return;
    let nextMs = RENEW_MS;
    try {
      const answer = await directory.request("renew-membership", { authority, site });
      const { token } = answerSchema.parse(answer);
      this.#kept = token;
      this.#showsGiven = false;
      await writeSecret(join(folder, FILE), `${token}\n`);
    } catch (error) {
      log.warn("The leader issued no token for this site to return with.", {
        error: messageOf(error),
      });
      nextMs = RETRY_MS;
    }
    if (this.#closed) return;
    this.#cancel?.();
    this.#cancel = clock.after("membership token", nextMs, () => void this.keep(directory));
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }
}
