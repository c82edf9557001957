import { z } from "zod";
import type { AgentSpec } from "../agent/define/index.ts";
import { type Clock, LIMITS, type Log, messageOf } from "../base/index.ts";
import type { Directory, Entry, Json } from "../directory/index.ts";
import { ControlQueue } from "./control-queue.ts";
import { isSilence, type SiteContact } from "./site-contact.ts";
import type { SiteRoster } from "./site-roster.ts";
import { agentSpecSchema } from "./stream-record-schema.ts";

/** Agents that ended. */
export interface EndedAgents {
  /** The id of their stream. */
  readonly id: number;
  readonly stream: string;
  readonly agents: readonly AgentSpec[];
}

/** What a {@link PendingFinalizers} needs. */
export interface PendingFinalizersOptions {
  readonly directory: Directory;
  readonly roster: SiteRoster;
  readonly contact: SiteContact;
  readonly clock: Clock;
  readonly log: Log;
  checkLeads(): Promise<void>;
}

/** The value of `finalize/SITE/ID`. */
const dueSchema = z.object({
  stream: z.string(),
  agents: z.array(agentSpecSchema),
  /** Wall clock, ms. */
  since: z.number(),
});
type Due = z.infer<typeof dueSchema>;

/** Agents of one entry: with more the value might not fit. */
const AGENTS_MAX = 2 * LIMITS.streamAgentsMax;

/** Finalize handlers that are due at sites where agents were: kept in the directory until a site has run them. */
export class PendingFinalizers {
  readonly #options: PendingFinalizersOptions;
  readonly #queue = new ControlQueue();
  #count = 0;

  constructor(options: PendingFinalizersOptions) {
    this.#options = options;
  }

  /** Notes that agents are to be finalized at these sites. */
  async add(sites: readonly string[], ended: EndedAgents): Promise<void> {
    if (ended.agents.length === 0) return;
    await Promise.all(
      sites.map((site) => this.#queue.runUrgent(site, () => this.#note(site, ended))),
    );
  }

  /** Has these sites finalize what is due there, as far as they are connected. */
  deliver(sites: readonly string[]): void {
    for (const site of sites) {
      this.#background(this.#queue.run(site, () => this.#deliver(site)));
    }
  }

  /** The site will not come back. */
  drop(site: string): void {
    const give = async (): Promise<void> => {
      for (const entry of await this.#options.directory.list(`finalize/${site}/`)) {
        await this.#giveUp(entry, "the site left the session");
      }
    };
    this.#background(this.#queue.run(site, give));
  }

  /** Gives up what was due for too long, and tries again with sites that are connected. To be called now and then. */
  review(): void {
    this.#background(this.#review());
  }

  async #review(): Promise<void> {
    const { directory, clock } = this.#options;
    const entries = await directory.list("finalize/");
    this.#count = entries.length;
    const sites = new Set<string>();
    for (const entry of entries) {
      const since = dueSchema.safeParse(entry.value).data?.since ?? 0;
      if (clock.wall() - since >= LIMITS.finalizerMsMax) {
        await this.#giveUp(entry, "the site did not come back in time");
      } else sites.add(entry.key.split("/")[1] ?? "");
    }
    this.deliver([...sites]);
  }

  async #note(site: string, { id, stream, agents }: EndedAgents): Promise<void> {
    const { directory, clock, log, checkLeads } = this.#options;
    const key = `finalize/${site}/${id}`;
    const entry = await directory.get(key);
    const before = dueSchema.safeParse(entry?.value).data?.agents ?? [];
    const all = [...before, ...agents];
    if (all.length > AGENTS_MAX || (entry === undefined && this.#count >= LIMITS.finalizersMax)) {
      log.warn("Finalize handlers were skipped: too many are due.", { peer: site, stream });
      return;
    }
    await checkLeads();
    const due: Due = { stream, agents: all, since: clock.wall() };
    await directory.put(key, due as unknown as Json);
    if (entry === undefined) this.#count++;
  }

  async #deliver(site: string): Promise<void> {
    const { directory, roster, contact, log } = this.#options;
    for (const entry of await directory.list(`finalize/${site}/`)) {
      const member = roster.instanceOf(site);
      if (member === undefined || !contact.reaches(member)) return;
      const due = dueSchema.safeParse(entry.value).data;
      if (due === undefined) {
        await this.#remove(entry);
        continue;
      }
      const { stream, agents } = due;
      const id = Number(entry.key.split("/")[2]);
      try {
        const command = { type: "finalize", id, stream, agents } as const;
        await contact.call(member, command, LIMITS.controlCallMs);
      } catch (error) {
        if (isSilence(error)) return;
        log.warn("A site refused to finalize agents.", {
          peer: site,
          stream,
          error: messageOf(error),
        });
      }
      await this.#remove(entry);
    }
  }

  async #giveUp(entry: Entry, why: string): Promise<void> {
    const [, site, id] = entry.key.split("/");
    const stream = dueSchema.safeParse(entry.value).data?.stream;
    this.#options.log.warn("Finalize handlers were skipped.", { peer: site, stream, id, why });
    await this.#remove(entry);
  }

  async #remove({ key, revision }: Entry): Promise<void> {
    const { directory, checkLeads } = this.#options;
    await checkLeads();
    if (await directory.delete(key, revision)) this.#count--;
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#options.log.debug("Finalize handlers have to wait.", { error: messageOf(error) }),
    );
  }
}
