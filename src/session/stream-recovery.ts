import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { auditOutcome } from "../trust/index.ts";
import { type ControlContext, movedTo } from "./control-context.ts";
import type { ControlQueue } from "./control-queue.ts";
import { passPolicies } from "./judgement.ts";
import { isSilence } from "./site-contact.ts";
import type { StreamRecord } from "./stream-records.ts";
import { fetchedRecordSchema, type Resident, residentsSchema } from "./stream-requests.ts";
import type { HeldRecord } from "./stream-store.ts";

/** Streams that a site is asked about in one call: the answer has to fit a message. */
const COMPARED_AT_ONCE = 2_000;

/** Why a stream has to wait: a fact, not a failure. */
class Waits {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/**
 * Has streams taken over whose site has ended, is out of contact for too long, or does not have them.
 *
 * It compares what the records say with the sites there are, again and again, and so needs no history.
 */
export class StreamRecovery {
  readonly #context: ControlContext;
  readonly #queue: ControlQueue;
  /** Streams with a check that waits or runs. */
  readonly #checked = new Set<string>();
  /** When to look again at a stream that could not be helped, by the clock. */
  readonly #retryAt = new Map<string, number>();

  /** @param queue the control requests of streams: nothing else decides on a stream at the same time */
  constructor(context: ControlContext, queue: ControlQueue) {
    this.#context = context;
    this.#queue = queue;
  }

  /** Finds the streams that need to be taken over now. Cheap when there are none. */
  review(): void {
    const { store, roster, contact } = this.#context;
    for (const each of store.index.instances) {
      const isMember = roster.has(each);
      if (isMember && !contact.isSilent(each)) continue;
      for (const { name, fenced } of store.index.at(each)) {
        if (fenced || !isMember) this.#check(name);
      }
    }
    for (const name of store.index.lost) this.#check(name);
    for (const name of this.#retryAt.keys()) {
      if (store.index.named(name) === undefined) this.#retryAt.delete(name);
    }
  }

  /** Something changed for the better: streams that wait are looked at at once. */
  hope(): void {
    this.#retryAt.clear();
    this.review();
  }

  /**
   * Asks a site which streams it has, and looks at those that it lacks.
   *
   * @throws {MeanderError} `site-gone`, `site-timeout`, and what the site refuses with
   */
  async compare(member: SiteInstance): Promise<void> {
    const { store } = this.#context;
    const expected = store.index.at(member);
    for (let first = 0; first < expected.length; first += COMPARED_AT_ONCE) {
      const some = expected.slice(first, first + COMPARED_AT_ONCE);
      const there = await this.#residents(
        member,
        some.map(({ id }) => id),
      );
      // A stream that is being created or moved may be missing for good reason: the check waits for its turn, and asks
      // again.
      for (const stream of some) {
        const here = there.get(stream.id);
        if (here === undefined || !isStream(here, stream)) this.#check(stream.name);
      }
    }
  }

  #check(name: string): void {
    const { clock, log } = this.#context;
    if (this.#checked.has(name) || clock.now() < (this.#retryAt.get(name) ?? 0)) return;
    this.#checked.add(name);
    const done = (): void => {
      this.#checked.delete(name);
      this.#retryAt.set(name, clock.now() + LIMITS.recoverRetryMs);
    };
    this.#queue
      .runUrgent(name, () => this.#recover(name))
      .then(
        (settled) => {
          done();
          if (settled) this.#retryAt.delete(name);
        },
        (error: unknown) => {
          done();
          log.warn("A stream could not be recovered.", { stream: name, error: messageOf(error) });
        },
      );
  }

  /** False: it is to be looked at again. */
  async #recover(name: string): Promise<boolean> {
    const held = await this.#context.store.find(name);
    if (held === undefined) return true;
    const { record } = held;
    const { site, instance, durability } = record;
    const host = { site, instance };
    const { roster, contact } = this.#context;
    if (!roster.has(host)) return await this.#takeOver(held, record.streamEpoch);
    if (contact.reaches(host)) return await this.#verify(held, host);
    // A host that may still run and commit is replaced only where the keeper refuses its commits from then on.
    const fenced = durability.type === "message" && contact.isSilent(host);
    return fenced ? await this.#takeOver(held, record.streamEpoch) : false;
  }

  /** The site answers: whether it has the stream, only it knows. */
  async #verify(held: HeldRecord, host: SiteInstance): Promise<boolean> {
    const { record } = held;
    const here = (await this.#residents(host, [record.id])).get(record.id);
    if (here === undefined || !isStream(here, record)) {
      return await this.#takeOver(held, Math.max(record.streamEpoch, here?.streamEpoch ?? 0));
    }
    if (record.status === "lost") {
      await this.#replace(held, movedTo(record, host, record.streamEpoch, record.move));
    }
    return true;
  }

  async #residents(
    member: SiteInstance,
    ids: readonly number[],
  ): Promise<ReadonlyMap<number, Resident>> {
    const command = { type: "residents", ids } as const;
    const answer = await this.#context.contact.call(member, command, LIMITS.controlCallMs);
    return new Map(residentsSchema.parse(answer).map((resident) => [resident.id, resident]));
  }

  async #takeOver(first: HeldRecord, epochBefore: number): Promise<boolean> {
    const lost = first.record;
    const lostSite = lost.site;
    const tried = new Set<string>();
    let held = first;
    let epoch = epochBefore;
    let reason = "none of its failure managers can be reached";
    try {
      for (;;) {
        this.#checkKeeper(held.record);
        const target = this.#nextTarget(held.record, tried);
        if (target === undefined) throw new Waits(`waits for a site to take it over: ${reason}`);
        tried.add(target.site);
        const denial = target.site === lostSite ? undefined : await this.#denial(lost, target.site);
        if (denial !== undefined) {
          reason = denial;
          continue;
        }
        // First the record, then the keeper: a keeper that refuses the old host, and a record that names it, would
        // leave the stream to no site.
        held = await this.#replace(held, movedTo(held.record, target, ++epoch));
        const state = await this.#fetch(held.record, target);
        try {
          const command = { type: "recover", record: held.record, lostSite, state } as const;
          await this.#context.contact.call(target, command, LIMITS.controlCallMs);
          this.#told(held.record, lostSite);
          return true;
        } catch (error) {
          reason = messageOf(error);
        }
      }
    } catch (error) {
      if (!(error instanceof Waits)) throw error;
      await this.#wait(held, error.why);
      return false;
    }
  }

  /** [A60] Why the policy of a site does not let it take a stream over; its owner brings it there. */
  async #denial(record: StreamRecord, to: string): Promise<string | undefined> {
    const { audit, tell } = this.#context;
    const { name: stream, owner, site: from } = record;
    const question = { action: "move", by: owner, stream, site: to, from, to } as const;
    try {
      await passPolicies(this.#context, question, { owner, scopes: [`sites/${to}`] });
      return undefined;
    } catch (error) {
      if (!(error instanceof MeanderError) || error.code !== "denied") throw error;
      const act = { what: "stream.move", on: `stream ${stream} to ${to}` } as const;
      audit.note({ by: owner, ...act, ...auditOutcome(error) });
      tell(stream, { type: "denied", action: "move", by: owner, reason: error.what });
      return error.message;
    }
  }

  /** @throws {Waits} while the state of the stream cannot be had, and may be had later */
  #checkKeeper({ durability, keeper }: StreamRecord): void {
    if (durability.type === "none") return;
    const { roster, contact } = this.#context;
    const member = roster.instanceOf(keeper);
    if (member !== undefined && contact.reaches(member)) return;
    // A checkpoint is not worth more than the lease of its keeper.
    if (durability.type === "checkpoint" && member === undefined) return;
    throw new Waits(`waits for ${keeper}, which keeps its record`);
  }

  /** The keeper's record; null when there is none, or when the target keeps it itself. @throws {Waits} */
  async #fetch(record: StreamRecord, target: SiteInstance): Promise<string | null> {
    const { id, streamEpoch, durability, keeper } = record;
    if (durability.type === "none" || keeper === target.site) return null;
    const { roster, contact } = this.#context;
    const member = roster.instanceOf(keeper);
    if (member === undefined && durability.type === "checkpoint") return null;
    try {
      if (member === undefined) throw new Error("it is not a member of the session");
      const command = { type: "record-fetch", id, streamEpoch } as const;
      return fetchedRecordSchema.parse(await contact.call(member, command, LIMITS.controlCallMs));
    } catch (error) {
      if (durability.type === "checkpoint" && !isSilence(error)) return null;
      throw new Waits(`waits for ${keeper}, which keeps its record: ${messageOf(error)}`);
    }
  }

  /** The host itself when it lives, then the failure managers in their order, then the leader. */
  #nextTarget(record: StreamRecord, tried: ReadonlySet<string>): SiteInstance | undefined {
    const { roster, contact, self } = this.#context;
    const host = roster.has(record) ? [record.site] : [];
    for (const site of [...host, ...record.failureManagers, self.site]) {
      const member = roster.instanceOf(site);
      if (member !== undefined && !tried.has(site) && contact.reaches(member)) return member;
    }
    return undefined;
  }

  async #wait(held: HeldRecord, why: string): Promise<void> {
    const { record } = held;
    if (record.status === "lost" && record.why === why) return;
    await this.#replace(held, { ...record, status: "lost", why });
    this.#context.log.warn("A stream waits to be recovered.", { stream: record.name, why });
  }

  #replace(held: HeldRecord, record: StreamRecord): Promise<HeldRecord> {
    return this.#context.store.replace(held, record);
  }

  #told({ name, site, streamEpoch }: StreamRecord, lostSite: string): void {
    const { log, tell } = this.#context;
    log.info("A stream was recovered.", { stream: name, lostSite, to: site, streamEpoch });
    tell(name, { type: "recovered", lostSite, to: site, streamEpoch });
  }
}

/** Whether what a site has is the stream of the record, and not what an earlier host or an aborted move left. */
function isStream(
  { streamEpoch, move }: Resident,
  record: Pick<StreamRecord, "streamEpoch" | "move">,
): boolean {
  return streamEpoch === record.streamEpoch && (move === undefined || move === record.move);
}
