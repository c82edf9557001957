import type { ChannelRecord, SiteRecord } from "../session/index.ts";
import type { PlaneSnapshot } from "../site/plane-control.ts";

/** What `GET /api/session` answers: the session as one of its sites knows it. */
export interface SessionView {
  readonly session: { readonly name: string };
  /** Name of the site that answered. */
  readonly self: string;
  /** Name of the leader; null while there is none. */
  readonly leader: string | null;
  /** The answering site's connection to the directory. */
  readonly directory: "connected" | "disconnected";
  /** Sites whose lease holds. */
  readonly sites: readonly SiteRecord[];
  readonly channels: readonly ChannelRecord[];
  /** True: the leader takes `POST /api/demo/sites/NAME/kill|stop|start`. */
  readonly demo: boolean;
}

/** What a site's process uses. */
export interface ProcessView {
  /** User and system time of all threads since the start, s. */
  readonly cpuSeconds: number;
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  readonly uptimeSeconds: number;
}

/** What `GET /api/site` answers: one site, now. */
export interface SiteView {
  readonly site: SiteRecord;
  readonly snapshot: PlaneSnapshot;
  readonly process: ProcessView;
}
