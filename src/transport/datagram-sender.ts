import type { RemoteEntry } from "./remote-entry.ts";
import type { RemoteGroup } from "./remote-group.ts";

/** The sending half of a datagram socket. */
export interface DatagramSender {
  /** False: not taken, and counted. */
  send(bytes: Uint8Array, to: RemoteEntry): boolean;
  sendToGroup(bytes: Uint8Array, group: RemoteGroup): void;
  /** Passes on to the kernel what is collected, now. */
  flush(): void;
}
