import { MeanderError } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import type { ControlWorld } from "./control-world.test.support.ts";
import type { SiteCommand, StreamRecord } from "./stream-records.ts";

/** A stream at a {@link ScriptedSite}. */
interface Resident {
  streamEpoch: number;
  /** The move that made it ready, until that is committed. */
  move: string | undefined;
  /** What it was made from, as text. */
  state: string;
}

/** What a site answers to a command instead of doing it; undefined: it does it. */
export type Script = (command: SiteCommand) => Promise<Json> | undefined;

export const NEVER: Promise<Json> = new Promise(() => {});

/** A refusal of a site. */
export function refuse(code: string): Promise<Json> {
  return Promise.reject(new MeanderError(code, "the site refused", { where: "site" }));
}

/** A site that keeps the streams it is given, and drops those that the records have elsewhere. */
export class ScriptedSite {
  readonly name: string;
  readonly instance: number;
  readonly residents = new Map<number, Resident>();
  /** What it keeps for streams, as their keeper; outlives its process, as a disk does. */
  readonly kept: Map<number, { streamEpoch: number; state: string | null }>;
  /** Commands it got, but for pings. */
  readonly commands: SiteCommand[] = [];
  script: Script = () => undefined;
  frozen = false;
  connected = false;
  ended = false;
  lease: { readonly id: string; readonly ttlMs: number } | undefined;
  readonly #world: ControlWorld;
  #held: (() => void)[] = [];

  constructor(world: ControlWorld, name: string, instance: number, kept = new Map()) {
    this.#world = world;
    this.name = name;
    this.instance = instance;
    this.kept = kept;
  }

  /** Types of the commands it got. */
  get told(): string[] {
    return this.commands.map(({ type }) => type);
  }

  commandsOf<T extends SiteCommand["type"]>(type: T): Extract<SiteCommand, { type: T }>[] {
    return this.commands.filter(
      (command): command is Extract<SiteCommand, { type: T }> => command.type === type,
    );
  }

  /** Goes on; what it was sent meanwhile comes now. */
  thaw(): void {
    this.frozen = false;
    for (const take of this.#held.splice(0)) take();
    this.#world.synchronise(this);
  }

  take(command: SiteCommand, answer: (outcome: Promise<Json>) => void): void {
    if (this.frozen) {
      this.#held.push(() => this.take(command, answer));
      return;
    }
    if (command.type !== "ping") this.commands.push(command);
    answer(this.script(command) ?? this.#obey(command));
  }

  /** What the records say; `undefined` when the stream no longer exists. */
  see(id: number, record: StreamRecord | undefined): void {
    const resident = this.residents.get(id);
    if (resident === undefined || this.frozen) return;
    const here = record?.site === this.name && record.instance === this.instance;
    if (record === undefined || (!here && record.streamEpoch >= resident.streamEpoch)) {
      this.residents.delete(id);
    } else if (here && record.move === resident.move) resident.move = undefined;
  }

  async #obey(command: SiteCommand): Promise<Json> {
    switch (command.type) {
      case "stream-create":
        this.#put(command.record, "created");
        return null;
      case "recover":
        return this.#recover(command);
      case "move-out":
        return await this.#moveOut(command);
      case "move-abort": {
        if (this.residents.get(command.id)?.move === command.move)
          this.residents.delete(command.id);
        return null;
      }
      case "stream-destroy":
        this.residents.delete(command.record.id);
        return null;
      case "record-fetch": {
        const kept = this.kept.get(command.id);
        const streamEpoch = Math.max(kept?.streamEpoch ?? 0, command.streamEpoch);
        this.kept.set(command.id, { streamEpoch, state: kept?.state ?? null });
        return kept?.state ?? null;
      }
      case "residents":
        return [...this.residents]
          .filter(([id]) => command.ids?.includes(id) ?? true)
          .map(([id, { streamEpoch, move }]) =>
            move === undefined ? { id, streamEpoch } : { id, streamEpoch, move },
          );
      default:
        return null;
    }
  }

  #put({ id, streamEpoch }: StreamRecord, state: string): void {
    this.residents.set(id, { streamEpoch, move: undefined, state });
  }

  #recover({ record, state }: Extract<SiteCommand, { type: "recover" }>): null {
    const own = record.keeper === this.name ? this.kept.get(record.id)?.state : undefined;
    this.#put(record, `recovered from ${state ?? own ?? "record"}`);
    return null;
  }

  async #moveOut({ record, to, move }: Extract<SiteCommand, { type: "move-out" }>): Promise<Json> {
    const resident = this.residents.get(record.id);
    if (resident === undefined) return await refuse("stream-unknown");
    const target = this.#world.siteOf(to.site);
    if (target?.instance !== to.instance || target.frozen || target.ended) return await NEVER;
    const streamEpoch = record.streamEpoch + 1;
    if (target.residents.has(record.id)) return await refuse("stream-here");
    target.residents.set(record.id, { streamEpoch, move, state: resident.state });
    return { bytes: 100 };
  }
}
