import type { Remote } from "./datagrams.ts";

/** What a socket keeps of a remote. */
export class RemoteEntry implements Remote {
  readonly host: string;
  readonly port: number;
  /** How many have asked for it and not released it; 0: made for one datagram. */
  uses = 0;

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }
}
