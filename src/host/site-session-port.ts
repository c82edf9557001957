import type {
  AgentSpec,
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  HandlerName,
  MoveResult,
  PlacementRequest,
  ReplaceAbout,
  SessionPort,
  StreamView,
} from "../agent/index.ts";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import { type AskerClaim, type StreamRecord, streamRecordSchema } from "../session/index.ts";
import { encodeBase64 } from "../wire/index.ts";
import type { AskLeader } from "./ports.ts";
import type { StreamTable } from "./stream-table.ts";
import { viewOf } from "./stream-views.ts";
import type { Uploads } from "./uploads.ts";

/** A leader answers before its asker gives up: by so much, ms. */
const ASKER_MS = 5_000;

/** What a {@link SiteSessionPort} uses. */
export interface SessionAccess {
  /** The name of this site. */
  readonly site: string;
  readonly clock: Clock;
  readonly directory: Pick<Directory, "get">;
  readonly table: Pick<StreamTable, "records" | "byName" | "policies" | "isJudgedByCode">;
  readonly uploads: Pick<Uploads, "agent" | "handler">;
  readonly askLeader: AskLeader;
  /** Applies a record that may be newer than what the directory has reported. */
  learn(record: StreamRecord): void;
}

/**
 * The session as a shell or the agents of a stream at this site see it, without what differs between these: how they
 * append.
 */
export abstract class SiteSessionPort<Access extends SessionAccess> implements SessionPort {
  abstract readonly name: string;
  /** Who asks, for the leader. */
  protected abstract readonly claim: AskerClaim;
  /** Whose code it is that is uploaded; agents say whose they are themselves. */
  protected abstract readonly codeOwner: string;
  protected readonly access: Access;

  constructor(access: Access) {
    this.access = access;
  }

  get site(): string {
    return this.access.site;
  }

  abstract append(request: AppendRequest): Promise<AppendAnswer>;

  async createStream(name: string, options: PlacementRequest): Promise<StreamView> {
    const { at = this.site, durability, failureManagers } = options;
    const request = { name, at, durability, failureManagers, ...this.claim };
    const record = streamRecordSchema.parse(await this.access.askLeader("create-stream", request));
    this.access.learn(record);
    return viewOf(record);
  }

  async move(stream: string, to: string, deadlineMs: number | undefined): Promise<MoveResult> {
    const deadline = deadlineMs ?? LIMITS.moveMsDefault;
    const answer = await this.access.askLeader(
      "move-stream",
      { stream, to, deadlineMs: deadline, ...this.claim },
      deadline + LIMITS.controlMs,
    );
    return answer as unknown as MoveResult;
  }

  async attachAgent(stream: string, request: AttachRequest): Promise<AgentSpec> {
    const { owner = this.codeOwner } = request;
    const { spec, briefcase } = await this.access.uploads.agent(request, owner);
    const { signed } = request;
    const asked = { stream, spec, briefcase: encodeBase64(briefcase), signed, ...this.claim };
    await this.access.askLeader("attach-agent", asked, LIMITS.attachCallMs + ASKER_MS);
    return spec;
  }

  async detachAgent(stream: string, agent: string): Promise<void> {
    await this.access.askLeader("detach-agent", { stream, agent, ...this.claim });
  }

  async replaceHandler(
    stream: string,
    agent: string,
    event: HandlerName,
    source: string | null,
    { owner = this.codeOwner, signed }: ReplaceAbout = {},
  ): Promise<void> {
    const code =
      source === null
        ? null
        : await this.access.uploads.handler(source, `${stream}.${agent}.${event}`, owner);
    const request = { stream, agent, event, code, signed, ...this.claim };
    await this.access.askLeader("replace-handler", request);
  }

  async destroyStream(stream: string): Promise<void> {
    await this.access.askLeader("destroy-stream", { stream, ...this.claim });
  }

  async stream(name: string): Promise<StreamView> {
    return viewOf(await this.find(name));
  }

  async streams(): Promise<readonly StreamView[]> {
    return this.access.table.records.map(viewOf);
  }

  /** A stream's record, as known here or else from the directory. @throws {MeanderError} `stream-unknown` */
  protected async find(name: string): Promise<StreamRecord> {
    const { table, directory, learn } = this.access;
    const known = table.byName(name);
    if (known !== undefined) return known;
    const entry = /^[\w.-]{1,80}$/.test(name) ? await directory.get(`streams/${name}`) : undefined;
    const record = entry === undefined ? undefined : streamRecordSchema.safeParse(entry.value).data;
    if (record === undefined)
      throw new MeanderError("stream-unknown", "no stream has that name", {
        where: `stream ${name}`,
        next: "create it, or see `meander streams`",
      });
    learn(record);
    return record;
  }
}
