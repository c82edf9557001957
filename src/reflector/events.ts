import type { Address } from "../session/index.ts";
import type { Description } from "../wire/index.ts";

/** Another site, as the plane reaches it. */
export interface Neighbour {
  readonly name: string;
  readonly http: Address;
  readonly udp: Address;
  /** The certificate of its HTTP port; absent: plain HTTP. */
  readonly tls?: { readonly fingerprint: string } | undefined;
}

/** What the plane reports, and what it asks of the main thread. */
export type PlaneEvent =
  /** A channel was requested that is not open here. The main thread opens it, or answers with `refuseChannel`. */
  | { readonly type: "channel-wanted"; readonly channel: string }
  | {
      readonly type: "subscriber-joined" | "subscriber-left";
      readonly channel: string;
      readonly name: string;
      readonly reason?: string;
    }
  | {
      readonly type: "input-switched";
      readonly channel: string;
      readonly from: string | undefined;
      readonly to: string;
      readonly reason: string;
    }
  | { readonly type: "described"; readonly channel: string; readonly description: Description }
  | {
      readonly type: "ingest-started" | "ingest-stopped";
      readonly channel: string;
      readonly input: string;
      readonly reason: string;
    }
  /** An input receives nothing from its group any more, or receives from it again. */
  | {
      readonly type: "group-lost" | "group-joined";
      readonly channel: string;
      readonly input: string;
      readonly group: string;
      readonly reason: string;
    }
  | {
      /** `peer-unsteady`: it was lost again and again, and is preferred less from now on. */
      readonly type: "peer-up" | "peer-down" | "peer-suspected" | "peer-unsteady";
      readonly name: string;
      readonly stack: string;
      readonly reason: string;
    };
