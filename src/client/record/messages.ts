import type { RecordEvent, RecordRequest, RecordStatus } from "../contract/recording.ts";
import type { SiteCredentials } from "../site-client.ts";

/** How a recorder reaches the site whose channel it records. */
export interface RecordTarget extends SiteCredentials {
  /** The site's address: `http://127.0.0.1:7000`. */
  readonly site: string;
}

/** From the site to a recorder's thread. */
export type ToRecorder =
  | { readonly type: "start"; readonly request: RecordRequest; readonly target: RecordTarget }
  | { readonly type: "finish" };

/** From a recorder's thread to the site. */
export type FromRecorder =
  | { readonly type: "event"; readonly event: RecordEvent }
  | { readonly type: "status"; readonly status: RecordStatus }
  /** Its files are complete. */
  | { readonly type: "ended"; readonly reason: string | null };
