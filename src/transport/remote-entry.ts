import type { OnMissed, Remote } from "./datagrams.ts";

/** What a socket keeps of a remote. */
export class RemoteEntry implements Remote {
  readonly host: string;
  readonly port: number;
  /** How many have asked for it and not released it; 0: made for one datagram. */
  uses = 0;
  /** Its address as the kernel takes it, once it was needed. */
  address: Uint32Array | undefined = undefined;
  /** For each of its memberships in groups, the callback for datagrams that were not sent. */
  readonly memberships: (OnMissed | undefined)[] = [];
  /** Datagrams that leave at the end of the turn. */
  readonly pending: Uint8Array[] = [];
  /** False: the path refuses segmented sends. */
  canSegment = true;

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }
}
