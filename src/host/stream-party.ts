import type {
  AgentSpec,
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  HandlerName,
  MoveResult,
  PlacementRequest,
  SessionPort,
  StreamView,
} from "../agent/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import { type StreamRecord, streamRecordSchema } from "../session/index.ts";
import { formatMessageName } from "../stream/index.ts";
import { encodeBase64 } from "../wire/index.ts";
import type { SiteStreams } from "./site-streams.ts";
import { viewOf } from "./stream-views.ts";

/** What shells and streams ask of the session alike. */
export abstract class Party implements SessionPort {
  abstract readonly name: string;
  protected readonly host: SiteStreams;

  constructor(host: SiteStreams) {
    this.host = host;
  }

  get site(): string {
    return this.host.options.self.site;
  }

  abstract append(request: AppendRequest): Promise<AppendAnswer>;

  async createStream(name: string, options: PlacementRequest): Promise<StreamView> {
    const { at = this.site, durability, failureManagers } = options;
    const request = { name, at, durability, failureManagers, by: this.name };
    return this.#learned(await this.host.ask("create-stream", request));
  }

  async move(stream: string, to: string, deadlineMs: number | undefined): Promise<MoveResult> {
    const deadline = deadlineMs ?? LIMITS.moveMsDefault;
    const answer = await this.host.ask(
      "move-stream",
      { stream, to, deadlineMs: deadline, by: this.name },
      deadline + LIMITS.controlMs,
    );
    return answer as unknown as MoveResult;
  }

  async attachAgent(stream: string, request: AttachRequest): Promise<AgentSpec> {
    const { spec, briefcase } = await this.host.uploads.agent(request, this.name);
    await this.host.ask("attach-agent", {
      stream,
      spec,
      briefcase: encodeBase64(briefcase),
      by: this.name,
    });
    return spec;
  }

  async detachAgent(stream: string, agent: string): Promise<void> {
    await this.host.ask("detach-agent", { stream, agent, by: this.name });
  }

  async replaceHandler(
    stream: string,
    agent: string,
    event: HandlerName,
    source: string | null,
  ): Promise<void> {
    const code =
      source === null
        ? null
        : await this.host.uploads.handler(source, `${stream}.${agent}.${event}`);
    await this.host.ask("replace-handler", { stream, agent, event, code, by: this.name });
  }

  async destroyStream(stream: string): Promise<void> {
    await this.host.ask("destroy-stream", { stream, by: this.name });
  }

  async stream(name: string): Promise<StreamView> {
    return viewOf(await this.find(name));
  }

  async streams(): Promise<readonly StreamView[]> {
    return this.host.table.records.map(viewOf);
  }

  /** A stream's record, of what is known here or else of the directory. @throws {MeanderError} `stream-unknown` */
  protected async find(name: string): Promise<StreamRecord> {
    const known = this.host.table.byName(name);
    if (known !== undefined) return known;
    const key = `streams/${name}`;
    const entry = /^[\w.-]{1,80}$/.test(name)
      ? await this.host.options.directory.get(key)
      : undefined;
    const record = entry === undefined ? undefined : streamRecordSchema.safeParse(entry.value).data;
    if (record === undefined)
      throw new MeanderError("stream-unknown", "no stream has that name", {
        where: `stream ${name}`,
        next: "create it, or see `meander streams`",
      });
    this.host.learn(record);
    return record;
  }

  #learned(answer: unknown): StreamView {
    const record = streamRecordSchema.parse(answer);
    this.host.learn(record);
    return viewOf(record);
  }
}

/** A stream that is at this site, as a party: what its agents ask. */
export class StreamParty extends Party {
  readonly name: string;
  readonly #id: number;

  constructor(host: SiteStreams, record: StreamRecord) {
    super(host);
    this.name = record.name;
    this.#id = record.id;
  }

  /** [M10] Only the form that waits; the others leave when the handler has ended. */
  async append(request: AppendRequest): Promise<AppendAnswer> {
    const { stream, payload, before = [], timeoutMs, chain = [] } = request;
    const record = await this.find(stream);
    const resident = this.host.resident(this.#id);
    if (resident === undefined)
      throw new MeanderError("stream-gone", "the stream is not at this site any more", {
        where: `stream ${this.name}`,
      });
    if (timeoutMs === undefined)
      throw new MeanderError(
        "append-timeout-missing",
        "an append that waits needs a timeout inside a handler",
        { where: `append to ${stream}`, expected: '{ until: "consumed", timeoutMs: 1000 }' },
      );
    if (record.id === this.#id || chain.includes(record.id))
      throw new MeanderError(
        "call-cycle",
        `${stream} waits, itself or through others, for the handler that appends to it`,
        {
          where: `append from ${this.name} to ${stream}`,
          next: "append without waiting",
        },
      );
    const target = { target: record.id, targetName: record.name };
    return await this.host.awaitReply(timeoutMs, request.signal, (waiter) => {
      const seq = resident.sendAtOnce(target, [...before, payload], { chain, waiter });
      return {
        id: formatMessageName({ from: this.name, to: stream, seq }),
        forget: () => resident.windowTo(record.id)?.forgetWaiter(seq),
      };
    });
  }
}
