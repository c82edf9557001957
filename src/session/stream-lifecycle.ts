import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Asker, commandAsker, signature } from "./asker.ts";
import { authorise, type ControlContext, reachable } from "./control-context.ts";
import type { PendingFinalizers } from "./pending-finalizers.ts";
import { isSilence } from "./site-contact.ts";
import { streamNameSchema } from "./stream-record-schema.ts";
import type { StreamRecord } from "./stream-records.ts";
import type { CreateStream, DestroyStream } from "./stream-requests.ts";
import type { HeldRecord } from "./stream-store.ts";
import { describeIssue } from "./zod-issue.ts";

/** Makes and ends streams. Calls for one stream must not overlap. */
export class StreamLifecycle {
  readonly #context: ControlContext;
  readonly #finalizers: PendingFinalizers;
  /** Streams being made, which the index does not know yet. */
  #making = 0;

  constructor(context: ControlContext, finalizers: PendingFinalizers) {
    this.#context = context;
    this.#finalizers = finalizers;
  }

  /**
   * Reserves the name, then has the site create the stream.
   *
   * @throws {MeanderError} `stream-invalid`, `stream-exists`, `streams-exhausted`, `stream-ids-exhausted`,
   *   `site-unknown`, `site-gone`, `site-timeout`, `denied`, and the site's refusal
   */
  async create(request: CreateStream): Promise<StreamRecord> {
    const { name, at, by } = request;
    const { store } = this.#context;
    checkName(name);
    const member = reachable(this.#context, at);
    const facts = { streams: store.index.ownedBy(by.text) };
    // One that is judged meanwhile sees this one, too.
    const made = store.index.making(by.text);
    try {
      await authorise(this.#context, { action: "create", by, stream: name, site: at, facts });
      return await this.#make(request, member);
    } finally {
      made();
    }
  }

  async #make(request: CreateStream, member: SiteInstance): Promise<StreamRecord> {
    const { name, by } = request;
    const { store } = this.#context;
    const existing = await store.find(name);
    if (existing !== undefined) throw streamExists(existing.record);
    if (store.index.count + this.#making >= LIMITS.streamsMax) throw exhausted();
    this.#making++;
    try {
      const record = await this.#newRecord(request, member);
      const held = await store.add(record);
      if (held === undefined) throw streamExists((await store.get(name)).record);
      await this.#command(held, member, by);
      this.#context.tell(name, { type: "created" });
      return record;
    } finally {
      this.#making--;
    }
  }

  /**
   * Has the site end the stream, forgets it, and has the sites where it was before finalize its agents.
   *
   * Only a refusal keeps it: a site that does not answer finds the record gone.
   *
   * @throws {MeanderError} `stream-unknown`, `denied`, and what the site refuses with
   */
  async destroy({ stream: name, by }: DestroyStream): Promise<null> {
    const { store, policies, contact, log, tell } = this.#context;
    const held = await store.get(name);
    const { record } = held;
    const { id, site, instance } = record;
    await authorise(this.#context, { action: "destroy", by, stream: name, site, record });
    let told = false;
    try {
      const command = { type: "stream-destroy", record, ...commandAsker(by, "destroy") } as const;
      await contact.call({ site, instance }, command, LIMITS.controlCallMs);
      told = true;
    } catch (error) {
      if (!isSilence(error)) throw error;
      const about = { stream: name, peer: site, error: messageOf(error) };
      log.info("A stream was destroyed without its site.", about);
    }
    const others = record.visited.filter((visited) => !(told && visited === site));
    const agents = record.agents.map(({ spec }) => spec);
    await this.#finalizers.add(others, { id, stream: name, agents });
    await store.remove(held);
    await policies.forget(`streams/${name}`);
    this.#finalizers.deliver(others);
    tell(name, { type: "destroyed" });
    return null;
  }

  async #newRecord(request: CreateStream, member: SiteInstance): Promise<StreamRecord> {
    const { name, at, durability, by } = request;
    const { store, self, clock } = this.#context;
    const failureManagers = [...new Set(request.failureManagers)];
    return {
      name,
      id: await store.nextId(),
      streamEpoch: 1,
      ...member,
      status: "live",
      durability,
      failureManagers,
      // A record next to the stream would be lost with it.
      keeper: failureManagers.find((manager) => manager !== at) ?? self.site,
      agents: [],
      visited: [at],
      owner: by.text,
      createdAt: clock.wall(),
    };
  }

  async #command(held: HeldRecord, member: SiteInstance, by: Asker): Promise<void> {
    const { store, contact, log } = this.#context;
    const { record } = held;
    try {
      const command = { type: "stream-create", record, ...commandAsker(by, "create") } as const;
      await contact.call(member, command, LIMITS.controlCallMs);
    } catch (error) {
      // It may have been made all the same.
      if (isSilence(error))
        contact.tell(member, { type: "stream-destroy", record, ...signature(by) });
      await store.remove(held).catch((failure: unknown) =>
        log.warn("The name of a stream that was not made stayed reserved.", {
          name: record.name,
          error: messageOf(failure),
        }),
      );
      throw error;
    }
  }
}

/** @throws {MeanderError} `stream-invalid` */
function checkName(name: string): void {
  const parsed = streamNameSchema.safeParse(name);
  if (parsed.success) return;
  const { what, expected = "" } = describeIssue(parsed.error, name);
  throw new MeanderError("stream-invalid", what, { where: "name of the stream", expected });
}

function streamExists({ name, owner, site, createdAt }: StreamRecord): MeanderError {
  const since = new Date(createdAt).toISOString();
  const what = `there is one of that name: ${owner} made it at ${since}; it is at site ${site}`;
  return new MeanderError("stream-exists", what, {
    where: `stream ${name}`,
    next: "open that one, or choose another name",
  });
}

function exhausted(): MeanderError {
  const most = LIMITS.streamsMax;
  return new MeanderError("streams-exhausted", `the session has ${most} streams`, {
    expected: `at most ${most}`,
    next: "destroy some that are not needed",
  });
}
