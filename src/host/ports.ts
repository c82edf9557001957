import type { StreamEvent } from "../agent/define/index.ts";
import type { Json } from "../directory/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type { Resident, SiteInstance } from "../stream/index.ts";
import type { NamedRoom, SiteRoom } from "../wire/index.ts";

/** Asks the leader. Rejects with what it refuses with. @param timeoutMs default: `LIMITS.controlMs` */
export type AskLeader = (subject: string, payload: object, timeoutMs?: number) => Promise<Json>;

/** What a site knows of the access to its session. */
export interface SiteAdmission {
  /** Whether shells of this site need no token. */
  readonly isOpen: boolean;
}

/** Requests between sites. */
export interface SiteCalls {
  /** @throws {MeanderError} `site-gone`, and what the other site refuses with */
  request(to: SiteInstance, kind: string, payload: Uint8Array): Promise<Uint8Array | undefined>;
}

/**
 * The leader asked for a sign of life. @param rooms what room the sites of the session have; empty: nothing new
 *
 * @returns what room this site has; undefined: unknown
 */
export type PingHandler = (rooms: readonly NamedRoom[]) => SiteRoom | undefined;

/** The streams at this site. */
export interface Residents {
  resident(id: number): Resident | undefined;
}

/** Settles a move that one side has heard nothing of, and remembers what the leader answers. */
export interface MoveSettlement {
  /** Asks the leader to decide. Resolves to the stream's record afterwards. */
  settle(id: number, move: string): Promise<StreamRecord>;
  /** Applies a record that may be newer than what the directory has reported. */
  learn(record: StreamRecord): void;
}

/** An event at this site, before time and site are added. */
export type LocalEvent = StreamEvent extends infer E
  ? E extends StreamEvent
    ? Omit<E, "at" | "site">
    : never
  : never;

/** Reports an event to this site's listeners and to the sites that asked for it. */
export type ReportEvent = (event: LocalEvent) => void;
