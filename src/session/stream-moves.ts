import type { MoveResult } from "../agent/define/index.ts";
import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Asker, commandAsker } from "./asker.ts";
import { authorise, type ControlContext, hostOf, movedTo, reachable } from "./control-context.ts";
import { isSilence } from "./site-contact.ts";
import type { StreamRecord } from "./stream-records.ts";
import type { MoveStream } from "./stream-requests.ts";
import type { HeldRecord } from "./stream-store.ts";

interface Move {
  readonly held: HeldRecord;
  readonly source: SiteInstance;
  readonly target: SiteInstance;
  readonly move: string;
  /** When the deadline is, of the clock. */
  readonly end: number;
  readonly by: Asker;
}

/** Moves streams from site to site. Calls for one stream must not overlap. */
export class StreamMoves {
  readonly #context: ControlContext;

  constructor(context: ControlContext) {
    this.#context = context;
  }

  /**
   * Moves a stream, or leaves it as it is. The change of the record is the moment at which it is at the target.
   *
   * @throws {MeanderError} `stream-unknown`, `stream-lost`, `site-unknown`, `site-gone`, `denied`, `move-timeout`,
   *   `move-failed`, `leader-fenced`, and the refusal of the source or the target
   */
  async move({ stream, to, deadlineMs, by, evacuates = false }: MoveStream): Promise<MoveResult> {
    const { store, clock, log, tell } = this.#context;
    const began = clock.now();
    const held = await store.get(stream);
    const from = held.record.site;
    const { streamEpoch } = held.record;
    const target = reachable(this.#context, to);
    const source = hostOf(held);
    const record = evacuates ? undefined : held.record;
    const facts = { from, to };
    await authorise(this.#context, { action: "move", by, stream, site: to, record, facts });
    if (from === to && source.instance === target.instance) return { from, to, streamEpoch, ms: 0 };
    const move: Move = { held, source, target, move: this.#name(), end: began + deadlineMs, by };
    try {
      await this.#transfer(move);
      const { record } = await this.#commit(move);
      const ms = clock.now() - began;
      log.info("A stream moved.", { stream, from, to, streamEpoch: record.streamEpoch, ms });
      tell(stream, { type: "moved", from, to, streamEpoch: record.streamEpoch, ms });
      return { from, to, streamEpoch: record.streamEpoch, ms };
    } catch (error) {
      const reason = messageOf(error);
      log.warn("A move was aborted.", { stream, from, to, reason });
      tell(stream, { type: "move-aborted", to, reason });
      throw error;
    }
  }

  /**
   * Settles a move that its sites heard nothing more of. As no other control request of the stream runs meanwhile, it
   * was committed or never will be: an earlier leader that may still be about to commit it finds the record changed.
   *
   * @param move the move in doubt
   * @throws {MeanderError} `stream-unknown`, `leader-fenced`, `leader-busy`
   */
  async settle(stream: string, move: string): Promise<StreamRecord> {
    const { store } = this.#context;
    const held = await store.get(stream);
    if (held.record.move === move) return held.record;
    return (await store.replace(held, held.record)).record;
  }

  /** The source freezes the stream and brings its state to the target, which makes it ready. */
  async #transfer({ held, source, target, move, end, by }: Move): Promise<void> {
    const { contact, clock } = this.#context;
    const { record } = held;
    const loss = contact.watch(target);
    try {
      const left = end - clock.now();
      if (left <= 0) throw timedOut(record, "before it began");
      const asked = { deadlineMs: left, ...commandAsker(by, "move") };
      const command = { type: "move-out", record, to: target, move, ...asked } as const;
      await Promise.race([contact.call(source, command, left), loss.lost]);
    } catch (error) {
      this.#abort({ held, source, target, move });
      if (!isSilence(error)) throw error;
      if (clock.now() >= end) throw timedOut(record, `in transfer to ${target.site}`);
      throw failed(record, "in transfer", error);
    } finally {
      loss.end();
    }
  }

  async #commit({ held, source, target, move }: Move): Promise<HeldRecord> {
    const { store } = this.#context;
    const { record } = held;
    const next = movedTo(record, target, record.streamEpoch + 1, move);
    try {
      return await store.replace(held, next);
    } catch (error) {
      if (error instanceof MeanderError && error.code === "leader-fenced") throw error;
      const now = await this.#reread(record.name);
      if (now?.record.move === move) return now;
      // When the record cannot be read, the two sites stay in doubt, and ask.
      if (now !== undefined) this.#abort({ held, source, target, move });
      throw failed(record, "at the commit", error);
    }
  }

  async #reread(name: string): Promise<HeldRecord | undefined> {
    try {
      return await this.#context.store.find(name);
    } catch {
      return undefined;
    }
  }

  #abort({ held, source, target, move }: Pick<Move, "held" | "source" | "target" | "move">): void {
    const command = { type: "move-abort", id: held.record.id, move } as const;
    for (const member of [source, target]) this.#context.contact.tell(member, command);
  }

  #name(): string {
    const { random } = this.#context;
    return [0, 1].map(() => random.uint32().toString(16).padStart(8, "0")).join("");
  }
}

function timedOut({ name }: StreamRecord, phase: string): MeanderError {
  return new MeanderError("move-timeout", `its deadline passed ${phase}; it stays where it was`, {
    where: `stream ${name}`,
    next: `give it more time, at most ${LIMITS.moveMsMax} ms`,
  });
}

function failed({ name }: StreamRecord, phase: string, cause: unknown): MeanderError {
  return new MeanderError("move-failed", `it failed ${phase}: ${messageOf(cause)}`, {
    where: `stream ${name}`,
    next: "it stays where it was; try again",
    cause,
  });
}
