import type { Clock, Log, Random } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import type { ViewerPlaces } from "./admission.ts";
import type { Neighbour, PlaneEvent } from "./events.ts";
import type { GroupSockets } from "./links/group-sockets.ts";
import type { LinkSecurity } from "./links/link-security.ts";
import type { ViewerGate } from "./viewer-admission.ts";

/** The ports of a `Reflector`, and what it is told once. */
export interface ReflectorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly security: LinkSecurity;
  /** Opens a connection over `stack` (complete, such as `frag:udp`) to a site. */
  dial(neighbour: Neighbour, stack: string): Promise<Connection>;
  /** For links by multicast groups. Absent: their media uses their own connections. */
  readonly groups?: GroupSockets | undefined;
  onEvent(event: PlaneEvent): void;
  /** Decides which viewer may watch what. Absent: every viewer may watch every channel. */
  readonly viewers?: ViewerGate | undefined;
  /** What the machine has left for viewers. Absent: as many as the site's limits allow. */
  readonly viewerPlaces?: ViewerPlaces | undefined;
  /** The other end of a connection has shown who it is: a site, or a viewer that was let in. */
  onKnown?(connection: Connection): void;
  /** On-demand inputs are kept this long after their last subscriber, ms. */
  readonly lingerMs?: number;
}
