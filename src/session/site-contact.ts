import { type Clock, LIMITS, type Log, MeanderError, messageOf } from "../base/index.ts";
import type { Json, SiteCalls } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { ControlQueue } from "./control-queue.ts";
import type { SiteRecord } from "./model.ts";
import { SessionRooms } from "./session-rooms.ts";
import type { SiteRoster } from "./site-roster.ts";
import type { SiteCommand } from "./stream-records.ts";

/** What a {@link SiteContact} needs. */
export interface SiteContactOptions {
  readonly calls: SiteCalls;
  readonly roster: SiteRoster;
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a site's address no longer accepts connections. */
  isEnded(record: SiteRecord): Promise<boolean>;
  /** A site has certainly ended. May come again while it is a member. */
  onEnded(record: SiteRecord): void;
  /** A site that was silent answers again. */
  onRegained(member: SiteInstance): void;
}

/** Whether sites answer, and how they are called. */
export class SiteContact {
  readonly #options: SiteContactOptions;
  /** For how long a start of a site has been silent, ms, in steps of {@link LIMITS.sitePingMs}. */
  readonly #silentMs = new Map<string, number>();
  readonly #pinged = new Set<string>();
  readonly #examined = new Set<string>();
  /** What to do when contact with a place is lost. */
  readonly #losses = new Map<string, Set<(error: MeanderError) => void>>();
  /** Commands to a site that answers slowly wait here. */
  readonly #queue = new ControlQueue({ width: LIMITS.siteCommandsMax });
  readonly #rooms = new SessionRooms();
  #lastTick: number;

  constructor(options: SiteContactOptions) {
    this.#options = options;
    this.#lastTick = options.clock.now();
  }

  /** Whether a start of a site is connected and answers. */
  reaches(member: SiteInstance): boolean {
    return this.#options.calls.connected(member.site, member.instance) && !this.isSilent(member);
  }

  /** Whether it has said nothing for {@link LIMITS.siteSilenceMs}. */
  isSilent(member: SiteInstance): boolean {
    return (this.#silentMs.get(keyOf(member)) ?? 0) >= LIMITS.siteSilenceMs;
  }

  /**
   * Sends a command and gives its answer. Ends early when contact is lost.
   *
   * @throws {MeanderError} `site-gone`, `site-timeout`, and what the site refuses with
   */
  async call(member: SiteInstance, command: SiteCommand, timeoutMs: number): Promise<Json> {
    const { clock } = this.#options;
    const end = clock.now() + timeoutMs;
    this.#checkReach(member);
    const loss = this.watch(member);
    const send = async (): Promise<Json> => {
      this.#checkReach(member);
      const left = end - clock.now();
      if (left > 0) return await this.#send(member, command, left);
      throw new MeanderError("site-timeout", `${timeoutMs} ms passed before it could be asked`, {
        where: `site ${member.site}`,
      });
    };
    try {
      return await Promise.race([this.#queue.run(keyOf(member), send), loss.lost]);
    } finally {
      loss.end();
    }
  }

  /** Sends a command and ignores its answer. */
  tell(member: SiteInstance, command: SiteCommand): void {
    const { calls, log } = this.#options;
    if (!calls.connected(member.site, member.instance)) return;
    this.#send(member, command, LIMITS.controlCallMs).catch((error: unknown) =>
      log.debug("A site did not take a command.", {
        peer: member.site,
        command: command.type,
        error: messageOf(error),
      }),
    );
  }

  /** `lost` rejects when contact with a place is lost, until `end` is called. */
  watch(member: SiteInstance): { readonly lost: Promise<never>; end(): void } {
    const key = keyOf(member);
    const losses = this.#losses.get(key) ?? new Set();
    this.#losses.set(key, losses);
    let end = (): void => {};
    const lost = new Promise<never>((_, reject) => {
      losses.add(reject);
      end = () => {
        losses.delete(reject);
        if (losses.size === 0 && this.#losses.get(key) === losses) this.#losses.delete(key);
      };
    });
    return { lost, end };
  }

  /** A site has connected. */
  connected(member: SiteInstance): void {
    this.#silentMs.set(keyOf(member), 0);
  }

  /** The connection of a site has ended. */
  gone(member: SiteInstance): void {
    this.#lose(member, siteGone(member, "its connection ended"));
    this.#examineMembers();
  }

  /** Whether this process itself did not get to {@link tick} for too long. */
  get stoodStill(): boolean {
    return this.#options.clock.now() - this.#lastTick > 2 * LIMITS.sitePingMs;
  }

  /** To be called every {@link LIMITS.sitePingMs}. */
  tick(): void {
    const now = this.#options.clock.now();
    const elapsed = now - this.#lastTick;
    this.#lastTick = now;
    this.#age(Math.min(elapsed, LIMITS.sitePingMs));
    this.#examineMembers();
    const rooms = this.#rooms.next();
    const ping: SiteCommand = rooms === undefined ? { type: "ping" } : { type: "ping", rooms };
    for (const member of this.#members()) this.#ping(member, ping);
  }

  /** Time that this process itself stood still is not silence of a site, so no step is longer than the period. */
  #age(ms: number): void {
    const members = this.#members();
    const keys = new Set(members.map(keyOf));
    for (const key of this.#silentMs.keys()) if (!keys.has(key)) this.#silentMs.delete(key);
    for (const member of members) {
      const key = keyOf(member);
      this.#silentMs.set(key, (this.#silentMs.get(key) ?? 0) + ms);
      if (this.isSilent(member)) this.#lose(member, siteGone(member, "it does not answer"));
    }
  }

  #ping(member: SiteInstance, ping: SiteCommand): void {
    const { calls } = this.#options;
    const key = keyOf(member);
    if (this.#pinged.has(key) || !calls.connected(member.site, member.instance)) return;
    this.#pinged.add(key);
    this.#send(member, ping, LIMITS.siteSilenceMs)
      .then((answer) => this.#rooms.heard(member.site, answer))
      .catch(() => {
        // Silence is what counts it.
      })
      .finally(() => this.#pinged.delete(key));
  }

  /** Finds out about members that are not connected. */
  #examineMembers(): void {
    const { roster, calls, self } = this.#options;
    for (const record of roster.records) {
      if (record.name === self.site) continue;
      if (!calls.connected(record.name, record.instance)) void this.#examine(record);
    }
  }

  async #examine(record: SiteRecord): Promise<void> {
    const { calls, roster, isEnded, onEnded, log } = this.#options;
    const member = instanceOf(record);
    const key = keyOf(member);
    if (this.#examined.has(key)) return;
    this.#examined.add(key);
    try {
      const ended = await this.#within(LIMITS.siteSilenceMs, isEnded(record));
      const back = calls.connected(record.name, record.instance) || !roster.has(member);
      if (ended === true && !back) onEnded(record);
    } catch (error) {
      log.debug("Whether a site has ended could not be found out.", {
        peer: record.name,
        error: messageOf(error),
      });
    } finally {
      this.#examined.delete(key);
    }
  }

  async #send(member: SiteInstance, command: SiteCommand, timeoutMs: number): Promise<Json> {
    const payload = command as unknown as Json;
    try {
      const answer = await this.#options.calls.call(
        member.site,
        member.instance,
        payload,
        timeoutMs,
      );
      this.#heard(member);
      return answer;
    } catch (error) {
      if (!isSilence(error)) this.#heard(member);
      throw error;
    }
  }

  #checkReach(member: SiteInstance): void {
    if (!this.reaches(member)) throw siteGone(member, "it is not connected, or does not answer");
  }

  #heard(member: SiteInstance): void {
    const wasSilent = this.isSilent(member);
    this.#silentMs.set(keyOf(member), 0);
    if (wasSilent) this.#options.onRegained(member);
  }

  #lose(member: SiteInstance, error: MeanderError): void {
    const losses = this.#losses.get(keyOf(member));
    this.#losses.delete(keyOf(member));
    for (const reject of losses ?? []) reject(error);
  }

  #members(): SiteInstance[] {
    return this.#options.roster.records.map(instanceOf);
  }

  #within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after("site examination", ms, () => resolve(undefined));
      promise.then(resolve, reject).finally(cancel);
    });
  }
}

/** Whether a call failed because the site did not answer, rather than by its refusal. */
export function isSilence(error: unknown): boolean {
  return (
    error instanceof MeanderError && (error.code === "site-gone" || error.code === "site-timeout")
  );
}

/** The site cannot be asked. */
export function siteGone({ site }: SiteInstance, what: string): MeanderError {
  return new MeanderError("site-gone", what, { where: `site ${site}` });
}

function keyOf({ site, instance }: SiteInstance): string {
  return `${site}#${instance}`;
}

function instanceOf({ name, instance }: SiteRecord): SiteInstance {
  return { site: name, instance };
}
