import { type Log, MeanderError } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type { Keeper } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import type { AskLeader, SiteCalls } from "./ports.ts";
import type { SessionSites } from "./session-sites.ts";
import type { StreamTable } from "./stream-table.ts";

/** What a {@link RecordWriter} uses. */
export interface RecordWriterPorts {
  readonly sites: SessionSites;
  readonly table: Pick<StreamTable, "byId" | "learn">;
  /** The records that this site keeps itself. */
  readonly keeper: Pick<Keeper, "put" | "mark">;
  readonly calls: SiteCalls;
  readonly askLeader: AskLeader;
  readonly log: Log;
}

/** With these the leader says that a stream has not got the keeper that was asked for. */
const REFUSALS = new Set(["site-gone", "site-unknown", "stream-epoch-passed", "stream-unknown"]);

/** Writes the records of the streams at this site to their keepers ([M7]). */
export class RecordWriter {
  readonly #ports: RecordWriterPorts;
  /** Keepers that the leader was asked for without an answer so far, by stream. */
  readonly #asked = new Map<number, { readonly streamEpoch: number; readonly keeper: string }>();

  constructor(ports: RecordWriterPorts) {
    this.#ports = ports;
  }

  /**
   * Writes a stream's state to its keeper; when that site no longer runs, to another one, which becomes the keeper.
   *
   * The leader may have noted a keeper although its answer was lost. Until it has answered, the record is written there,
   * and nothing is kept: a takeover asks the keeper that the leader knows.
   *
   * @param installed the record that the stream was installed with; its stream epoch fences the write
   * @throws {MeanderError} `record-fenced`, `site-gone`
   */
  async write(installed: StreamRecord, state: Uint8Array): Promise<void> {
    const { sites, keeper: own, calls, log } = this.#ports;
    const { id, streamEpoch } = installed;
    const { keeper, known } = this.#keeperOf(installed);
    if (keeper === sites.self.site) await own.put(id, streamEpoch, state);
    else
      await calls.request(sites.instanceOf(keeper), "record", packValue([id, streamEpoch, state]));
    if (keeper === known) return;
    await this.#noteKeeper(installed, keeper);
    log.info("The record of a stream has another keeper.", {
      stream: installed.name,
      from: known,
      to: keeper,
    });
  }

  /**
   * Notes at a stream's keeper what is about to run in the process of this site. Where the keeper no longer runs, the
   * stream's next record finds another.
   *
   * @throws {MeanderError} `record-fenced`, `site-gone`
   */
  async mark(installed: StreamRecord, mark: Uint8Array): Promise<void> {
    const { sites, keeper: own, calls } = this.#ports;
    const { id, streamEpoch } = installed;
    const keeper = this.#asked.get(id)?.keeper ?? this.#recordOf(installed).keeper;
    if (keeper === sites.self.site) await own.mark(id, streamEpoch, mark);
    else await calls.request(sites.instanceOf(keeper), "mark", packValue([id, streamEpoch, mark]));
  }

  /** The keeper to write to, and the one that the leader is known to have noted. */
  #keeperOf(installed: StreamRecord): {
    readonly keeper: string;
    readonly known: string | undefined;
  } {
    const { sites } = this.#ports;
    const record = this.#recordOf(installed);
    const asked = this.#asked.get(installed.id);
    const isOpen = asked?.streamEpoch === installed.streamEpoch;
    const wanted = isOpen ? asked.keeper : record.keeper;
    const keeper = sites.has(wanted) ? wanted : this.#otherKeeper(record);
    return { keeper, known: isOpen ? undefined : record.keeper };
  }

  /** Has the leader note a keeper. @throws what it refuses with, and what the way to it rejects with */
  async #noteKeeper({ id, streamEpoch }: StreamRecord, keeper: string): Promise<void> {
    const { askLeader, table } = this.#ports;
    this.#asked.set(id, { streamEpoch, keeper });
    try {
      const answer = await askLeader("set-keeper", { id, streamEpoch, keeper });
      table.learn(answer as unknown as StreamRecord);
      this.#asked.delete(id);
    } catch (error) {
      if (error instanceof MeanderError && REFUSALS.has(error.code)) this.#asked.delete(id);
      throw error;
    }
  }

  #recordOf(installed: StreamRecord): StreamRecord {
    return this.#ports.table.byId(installed.id) ?? installed;
  }

  /** The next failure manager of a stream that runs; failing that, the leading site. */
  #otherKeeper({ failureManagers, keeper }: StreamRecord): string {
    const { sites } = this.#ports;
    const next = failureManagers.find((each) => each !== sites.self.site && sites.has(each));
    return next ?? sites.leader ?? keeper;
  }
}
