import type { PlaneSnapshot as ReflectorSnapshot } from "../../reflector/index.ts";
import type { TraceRecord } from "../../stack/index.ts";
import type { DatagramStats } from "../../transport/index.ts";

export type {
  ChannelSnapshot,
  InputSnapshot,
  PeerSnapshot,
  SubscriberSnapshot,
  SwitchSnapshot,
} from "../../reflector/index.ts";

/** The plane in detail. */
export interface PlaneSnapshot extends ReflectorSnapshot {
  /** How the datagrams of all its sockets pass the kernel; the mode is that of the links'. */
  readonly datagrams: DatagramStats;
}

/** What a `trace` module of one link remembers. */
export interface LinkTrace extends TraceRecord {
  /** The site at the other end; empty while it has not said so. */
  readonly link: string;
}
