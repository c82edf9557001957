/** One RTP track to receive. */
export interface IngestTrack {
  readonly kind: "audio" | "video" | "application";
  /** Lower case encoding name. */
  readonly codec: string;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly channels?: number | undefined;
  readonly fmtp?: string | undefined;
  /** UDP port for RTP; 0: any free even port. RTCP is taken on the port after it and, muxed, on the port itself. */
  readonly port: number;
  /** A group to take it from; the port is the group's then. */
  readonly group?:
    | {
        /** IP address, multicast. */
        readonly address: string;
        /** The only senders to hear; absent: those whom the input trusts. */
        readonly sources?: readonly string[] | undefined;
      }
    | undefined;
}

/** An outside input of a channel. */
export interface IngestOptions {
  readonly channel: string;
  /** Name of the input among those of the channel: `main`, `backup`. */
  readonly input: string;
  /** Inputs that carry the same capture have the same source name, and then the same packet identities. */
  readonly sourceName: string;
  readonly tracks: readonly IngestTrack[];
  /** IP addresses that packets are taken from; `first`: for each track whoever sends first, until it is silent. */
  readonly trusted: readonly string[] | "first";
  /** Address to bind. */
  readonly host: string;
  /** Name or address of the interface on which groups are joined; absent: the system chooses. */
  readonly interface?: string | undefined;
}

/** Where an opened input listens, in the order of its tracks. */
export interface IngestPorts {
  readonly tracks: readonly {
    readonly medium: number;
    readonly rtpPort: number;
    readonly rtcpPort: number;
  }[];
}

/** A plain RTP receiver outside. */
export interface RtpOutputOptions {
  readonly channel: string;
  readonly host: string;
  /** One per track wanted; RTCP goes to the port after it. */
  readonly tracks: readonly { readonly medium: number; readonly port: number }[];
  /** For a host that is a group. */
  readonly multicast?: OutputMulticast | undefined;
}

/** How an output sends to a group. */
export interface OutputMulticast {
  /** Routers that a datagram passes, and one. 1..255; absent: 1, it stays in the network. */
  readonly ttl?: number | undefined;
  /** Name or address of the interface; absent: the system chooses. */
  readonly interface?: string | undefined;
}
