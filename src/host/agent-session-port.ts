import type { AppendAnswer, AppendRequest } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import type { AskerClaim, StreamRecord } from "../session/index.ts";
import { formatMessageName } from "../stream/index.ts";
import { awaitReply } from "./await-reply.ts";
import type { Residents } from "./ports.ts";
import { type SessionAccess, SiteSessionPort } from "./site-session-port.ts";

/** The session as the agents of one stream at this site see it. */
export class AgentSessionPort extends SiteSessionPort<SessionAccess & Residents> {
  readonly name: string;
  protected readonly claim: AskerClaim;
  protected readonly codeOwner: string;
  readonly #id: number;

  constructor(access: SessionAccess & Residents, record: StreamRecord) {
    super(access);
    this.name = record.name;
    this.codeOwner = `stream:${record.name}`;
    this.claim = { by: this.codeOwner };
    this.#id = record.id;
  }

  /** [M10] Only appends that wait until consumed; the others are sent when the handler has committed. */
  async append(request: AppendRequest): Promise<AppendAnswer> {
    const { stream, payload, before = [], timeoutMs, signal, chain = [] } = request;
    const record = await this.find(stream);
    const resident = this.access.resident(this.#id);
    if (resident === undefined)
      throw new MeanderError("stream-gone", "the stream is no longer at this site", {
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
    return await awaitReply(this.access.clock, { timeoutMs, signal }, (waiter) => {
      const seq = resident.sendAtOnce(target, [...before, payload], { chain, waiter });
      return {
        id: formatMessageName({ from: this.name, to: stream, seq }),
        forget: () => resident.windowTo(record.id)?.forgetWaiter(seq),
      };
    });
  }
}
