import type { StreamEvent } from "../agent/define/index.ts";
import {
  type Cancel,
  type Clock,
  every,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../base/index.ts";
import type { Caller, Change, Directory, Json, SiteCalls } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Audit, NO_AUDIT } from "../trust/index.ts";
import { Askers, OPEN_SESSION, type SessionTokens } from "./askers.ts";
import { type AuthorChecks, Authorship } from "./authorship.ts";
import { BARRED_KEYS } from "./barred-owners.ts";
import type { PolicyJudge } from "./code-policy.ts";
import type { ControlContext } from "./control-context.ts";
import { CONTROL_SUBJECTS, ControlDispatcher } from "./control-dispatcher.ts";
import { ControlQueue } from "./control-queue.ts";
import { JudgedRequests } from "./judged-requests.ts";
import type { SiteRecord } from "./model.ts";
import { PendingFinalizers } from "./pending-finalizers.ts";
import { PolicyStore } from "./policy-store.ts";
import { PolicyReader } from "./read-policy.ts";
import { SiteContact } from "./site-contact.ts";
import { judgeJoin, tellLeave } from "./site-judgement.ts";
import { type SiteEvent, SiteRoster } from "./site-roster.ts";
import type { ControlRequests } from "./stream-records.ts";
import { StreamRecovery } from "./stream-recovery.ts";
import { StreamStore } from "./stream-store.ts";

/** What a {@link StreamControl} needs. */
export interface StreamControlOptions {
  readonly directory: Directory;
  /** The way to the sites, the leading one among them. */
  readonly calls: SiteCalls;
  /** The leading site. */
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Settles while this leader leads. @throws {MeanderError} `leader-fenced` */
  checkLeads(): Promise<void>;
  /**
   * Whether a site's address no longer accepts connections, so that its process has certainly ended. Called repeatedly
   * for sites without contact.
   */
  isEnded(record: SiteRecord): Promise<boolean>;
  /** The session's tokens; undefined: it has none. */
  readonly tokens?: SessionTokens | undefined;
  /** What judges by policies that are code; undefined: such policies deny. */
  readonly judge?: PolicyJudge | undefined;
  /** What it checks signatures of code with; undefined: none counts. */
  readonly authors?: AuthorChecks | undefined;
  /** Where denials are noted that are no answer to a request; absent: nowhere. */
  readonly audit?: Audit | undefined;
  /** Receives what this leader did with streams. */
  onEvent?(event: StreamEvent): void;
}

/** How often finalizers that wait are looked at, in ticks of {@link LIMITS.sitePingMs}. */
const LEDGER_TICKS = 120;
/** How often sites are asked which streams they have, in such ticks: what one lost without failing is found. */
const COMPARE_TICKS = 60;

/**
 * The leader's control of streams: creates, moves and destroys them, changes their agents, and has them taken over when
 * their site fails.
 *
 * Each decision is a compare-and-set of the stream's record, made while this leader leads; requests about one stream
 * are handled one at a time, in the order in which they arrive. It keeps no state that it could not read again from the
 * directory and the sites.
 */
export class StreamControl {
  readonly #options: StreamControlOptions;
  readonly #store: StreamStore;
  readonly #roster: SiteRoster;
  readonly #contact: SiteContact;
  readonly #finalizers: PendingFinalizers;
  readonly #context: ControlContext;
  readonly #queue = new ControlQueue({ capacity: LIMITS.controlQueueMax });
  readonly #desk: ControlDispatcher;
  readonly #authors: Authorship;
  readonly #recovery: StreamRecovery;
  #undo: Cancel[] = [];
  #stopped = false;
  /** What waits for the beginning of a watch. */
  readonly #beginnings = new Set<() => void>();
  #ticks = 0;
  /** Until then sites may still be on their way back, and nothing is taken over; by the clock. */
  #patientUntil = 0;
  /** It waits for the sites that its predecessor had, and for no longer than they need. */
  #starting = true;

  constructor(options: StreamControlOptions) {
    const { directory, calls, self, clock, random, log, judge, isEnded } = options;
    const { tokens = OPEN_SESSION, audit = NO_AUDIT } = options;
    this.#options = options;
    const checkLeads = (): Promise<void> => this.#checkLeads();
    this.#authors = new Authorship({ directory, checks: options.authors, now: () => clock.wall() });
    this.#store = new StreamStore({ directory, checkLeads, log });
    this.#roster = new SiteRoster({
      self,
      log,
      onEvent: (event, member) => this.#news(event, member),
    });
    const roster = this.#roster;
    this.#contact = new SiteContact({
      calls,
      roster,
      self,
      clock,
      log,
      isEnded: (record) => isEnded(record),
      onRegained: (member) => this.#answers(member),
      onEnded: (record) => this.#background("remove a site", this.#removeEnded(record)),
    });
    const contact = this.#contact;
    this.#finalizers = new PendingFinalizers({
      directory,
      roster,
      contact,
      clock,
      log,
      checkLeads,
    });
    this.#context = {
      ...{ directory, self, clock, random, log, roster, contact, checkLeads },
      store: this.#store,
      policies: new PolicyStore({ directory, clock, checkLeads }),
      judged: new JudgedRequests(),
      reader: new PolicyReader(),
      askers: new Askers({ self, tokens, store: this.#store }),
      authors: this.#authors,
      ...{ judge, audit },
      tell: (stream, event) =>
        this.#options.onEvent?.({ at: clock.wall(), site: self.site, stream, ...event }),
    };
    this.#desk = new ControlDispatcher(this.#context, this.#queue, this.#finalizers);
    this.#recovery = new StreamRecovery(this.#context, this.#queue);
  }

  /** Reads the records, and watches them from now on. Call it once, when the leader has taken over. */
  async start(): Promise<void> {
    const { clock, calls } = this.#options;
    this.#patientUntil = clock.now() + LIMITS.siteSilenceMs;
    await this.#watch("sites/", (change) => {
      this.#roster.take(change);
      this.#review();
    });
    await this.#watch("streams/", (change) => this.#store.index.take(change));
    // [A75] What did not start because of its owner may now.
    await this.#watch(BARRED_KEYS, ({ type }) => type === "deleted" && this.#hope());
    if (this.#stopped) return;
    this.#undo.push(
      calls.onConnected((site, instance) => this.#connected({ site, instance })),
      calls.onGone((site, instance) => this.#contact.gone({ site, instance })),
      every(clock, "watch over sites", LIMITS.sitePingMs, () => this.#tick()),
    );
    this.#compareAll();
    this.#finalizers.review();
    this.#review();
  }

  /** Nothing is decided any more. Requests under way fail or end by themselves. */
  stop(): void {
    this.#stopped = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const release of this.#beginnings) release();
  }

  /** Envelopes of authors that were refused, by code. */
  get refusedAuthors(): Readonly<Record<string, number>> {
    return this.#authors.refused.toJSON();
  }

  /** Has the policies judge that a site joins. @throws {MeanderError} `denied` */
  async judgeJoin(site: string): Promise<void> {
    await judgeJoin(this.#context, site);
  }

  /** That start of a site is about to leave in order. */
  noteLeaving(member: SiteInstance): void {
    this.#roster.noteLeaving(member);
    this.#background("tell the policies", tellLeave(this.#context, member.site));
  }

  /** Whether {@link handle} answers requests of that subject. */
  static answers(subject: string): subject is keyof ControlRequests {
    return (CONTROL_SUBJECTS as readonly string[]).includes(subject);
  }

  /**
   * Answers a request of a site.
   *
   * @param caller who is at the other end
   * @throws {MeanderError} `leader-fenced`, and what {@link ControlDispatcher.handle} throws
   */
  async handle(subject: keyof ControlRequests, payload: Json, caller: Caller): Promise<Json> {
    await this.#checkLeads();
    return await this.#desk.handle(subject, payload, caller);
  }

  #tick(): void {
    this.#review();
    this.#contact.tick();
    this.#review();
    this.#ticks++;
    if (this.#ticks % LEDGER_TICKS === 0) this.#finalizers.review();
    if (this.#ticks % COMPARE_TICKS === 0) this.#compareAll();
  }

  /** Looks for streams to recover, unless sites may still be on their way back. */
  #review(): void {
    if (!this.#stopped && !this.#isPatient()) this.#recovery.review();
  }

  /** The same when something changed for the better. */
  #hope(): void {
    if (!this.#stopped && !this.#isPatient()) this.#recovery.hope();
  }

  #isPatient(): boolean {
    const { clock } = this.#options;
    // While this process stood still, leases ran out that their sites would have renewed: they come back by themselves.
    if (this.#contact.stoodStill) {
      this.#patientUntil = clock.now() + LIMITS.siteSilenceMs;
      this.#starting = false;
    }
    return clock.now() < this.#patientUntil && !(this.#starting && this.#allThere());
  }

  #allThere(): boolean {
    const { self } = this.#options;
    const names = this.#roster.names;
    return names.every((name) => this.#contact.reaches(this.#roster.instanceOf(name) ?? self));
  }

  #connected(member: SiteInstance): void {
    this.#contact.connected(member);
    this.#answers(member);
  }

  /** A site can be asked, which could not be before. */
  #answers(member: SiteInstance): void {
    this.#compare(member);
    this.#finalizers.deliver([member.site]);
    this.#hope();
  }

  #compareAll(): void {
    for (const member of this.#store.index.instances) this.#compare(member);
  }

  /** Whether the streams that are at a site by their records are there. */
  #compare(member: SiteInstance): void {
    if (!this.#contact.reaches(member)) return;
    this.#background("compare streams with their site", this.#recovery.compare(member));
  }

  #news(event: SiteEvent, member: SiteInstance): void {
    const { log } = this.#options;
    const { site } = member;
    log.info(`A site ${event}.`, { peer: site, instance: member.instance });
    if (event === "left") this.#finalizers.drop(site);
    if (event === "joined") {
      this.#finalizers.deliver([site]);
      this.#hope();
    }
    for (const name of this.#roster.names) {
      const other = this.#roster.instanceOf(name);
      if (other === undefined || name === site) continue;
      this.#contact.tell(other, { type: "site-event", event, site });
    }
  }

  async #removeEnded({ name, instance }: SiteRecord): Promise<void> {
    const { directory, log } = this.#options;
    await this.#checkLeads();
    const entry = await directory.get(`sites/${name}`);
    const value = entry?.value as { instance?: unknown } | null | undefined;
    if (entry === undefined || value?.instance !== instance) return;
    log.warn("A site has ended without leaving.", { peer: name, instance });
    await directory.delete(entry.key, entry.revision);
  }

  async #checkLeads(): Promise<void> {
    if (this.#stopped) {
      throw new MeanderError("leader-fenced", "this leader has stopped", {
        where: `site ${this.#options.self.site}`,
      });
    }
    try {
      await this.#options.checkLeads();
    } catch (error) {
      if (error instanceof MeanderError && error.code === "leader-fenced") this.stop();
      throw error;
    }
  }

  /** Settles when the listener has received the existing entries. */
  async #watch(prefix: string, listener: (change: Change) => void): Promise<void> {
    let begun = (): void => {};
    const told = new Promise<void>((resolve) => {
      begun = resolve;
    });
    this.#beginnings.add(begun);
    const undo = await this.#options.directory.watch(prefix, (change) => {
      listener(change);
      if (change.type === "synced") begun();
    });
    if (this.#stopped) undo();
    else {
      this.#undo.push(undo);
      await told;
    }
    this.#beginnings.delete(begun);
  }

  #background(what: string, work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#options.log.debug("A leader could not do a part of its work.", {
        what,
        error: messageOf(error),
      }),
    );
  }
}
