import type { Log } from "../base/index.ts";
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

/** Writes the records of the streams at this site to their keepers ([M7]). */
export class RecordWriter {
  readonly #ports: RecordWriterPorts;

  constructor(ports: RecordWriterPorts) {
    this.#ports = ports;
  }

  /**
   * Writes a stream's state to its keeper; when that site no longer runs, to another one, which becomes the keeper.
   *
   * @param installed the record that the stream was installed with; its stream epoch fences the write
   * @throws {MeanderError} `record-fenced`, `site-gone`
   */
  async write(installed: StreamRecord, state: Uint8Array): Promise<void> {
    const { sites, table, keeper: own, calls, askLeader, log } = this.#ports;
    const record = table.byId(installed.id) ?? installed;
    const { id, streamEpoch } = installed;
    const keeper = sites.has(record.keeper) ? record.keeper : this.#otherKeeper(record);
    if (keeper === sites.self.site) await own.put(id, streamEpoch, state);
    else
      await calls.request(sites.instanceOf(keeper), "record", packValue([id, streamEpoch, state]));
    if (keeper === record.keeper) return;
    const answer = await askLeader("set-keeper", { id, streamEpoch, keeper });
    table.learn(answer as unknown as StreamRecord);
    log.info("The record of a stream has another keeper.", {
      stream: record.name,
      from: record.keeper,
      to: keeper,
    });
  }

  /**
   * Notes at a stream's keeper what is about to run in the process of this site. Where the keeper no longer runs, the
   * stream's next record finds another.
   *
   * @throws {MeanderError} `record-fenced`, `site-gone`
   */
  async mark({ id, streamEpoch, ...installed }: StreamRecord, mark: Uint8Array): Promise<void> {
    const { sites, table, keeper: own, calls } = this.#ports;
    const { keeper } = table.byId(id) ?? installed;
    if (keeper === sites.self.site) await own.mark(id, streamEpoch, mark);
    else await calls.request(sites.instanceOf(keeper), "mark", packValue([id, streamEpoch, mark]));
  }

  /** The next failure manager of a stream that runs; failing that, the leading site. */
  #otherKeeper({ failureManagers, keeper }: StreamRecord): string {
    const { sites } = this.#ports;
    const next = failureManagers.find((each) => each !== sites.self.site && sites.has(each));
    return next ?? sites.leader ?? keeper;
  }
}
