import { describeName, type Log, MeanderError } from "../base/index.ts";
import type { Change, Directory } from "../directory/index.ts";
import { isOutage, readAnswer } from "./leader-answers.ts";
import { type ChannelRecord, channelNameSchema } from "./model.ts";
import { RecordList } from "./record-list.ts";
import { channelRecordSchema } from "./records.ts";

/** What {@link SessionChannels} need. */
export interface SessionChannelsOptions {
  readonly directory: Directory;
  /** This site. */
  readonly site: string;
  readonly log: Log;
  /** The channels of the session, by name, whenever they change. */
  onList(channels: readonly ChannelRecord[]): void;
}

/** The channels of a session as one site knows them, also while the leader is gone. */
export class SessionChannels {
  readonly #directory: Directory;
  readonly #site: string;
  readonly #known: RecordList<ChannelRecord>;
  /** Channels ingested here that are not yet announced to the leader. */
  readonly #unannounced = new Set<string>();

  constructor({ directory, site, log, onList }: SessionChannelsOptions) {
    this.#directory = directory;
    this.#site = site;
    this.#known = new RecordList({ schema: channelRecordSchema, log, onList });
  }

  /** The latest list of channels, by name. */
  get all(): readonly ChannelRecord[] {
    return this.#known.all;
  }

  /** Applies a change of the watch of `channels/`. */
  take(change: Change): void {
    this.#known.take(change);
  }

  /** @see Membership.openChannel */
  async open(
    name: string,
    { ingest = false }: { ingest?: boolean },
    connected: boolean,
  ): Promise<ChannelRecord> {
    checkName(name);
    const known = this.#known.find(name);
    if (known !== undefined && !connected) return this.#withoutLeader(known, ingest);
    try {
      return await this.#request(name, ingest);
    } catch (error) {
      if (known === undefined || !isOutage(error)) throw error;
      return this.#withoutLeader(known, ingest);
    }
  }

  /** @see Membership.lookUp */
  async lookUp(name: string): Promise<ChannelRecord | undefined> {
    checkName(name);
    const entry = await this.#directory.get(`channels/${name}`);
    return entry === undefined ? undefined : channelRecordSchema.safeParse(entry.value).data;
  }

  /** @see Membership.closeChannel */
  async close(name: string, { ingest = false }: { ingest?: boolean }): Promise<void> {
    checkName(name);
    this.#unannounced.delete(name);
    await this.#directory.request("close-channel", this.#payload(name, ingest));
  }

  /** Announces pending ingests to the leader. @throws its refusal */
  async announce(): Promise<void> {
    for (const name of [...this.#unannounced]) await this.#request(name, true);
  }

  async #request(name: string, ingest: boolean): Promise<ChannelRecord> {
    const answer = await this.#directory.request("open-channel", this.#payload(name, ingest));
    if (ingest) this.#unannounced.delete(name);
    return readAnswer(channelRecordSchema, "open-channel", answer);
  }

  #withoutLeader(known: ChannelRecord, ingest: boolean): ChannelRecord {
    if (ingest) this.#unannounced.add(known.name);
    return known;
  }

  #payload(name: string, ingest: boolean): { name: string; ingest?: string } {
    return ingest ? { name, ingest: this.#site } : { name };
  }
}

function checkName(name: string): void {
  if (channelNameSchema.safeParse(name).success) return;
  const shown = JSON.stringify(name.slice(0, 120));
  throw new MeanderError("channel-invalid", `${shown} is not a channel name`, {
    where: "channel",
    expected: describeName("channel"),
  });
}
