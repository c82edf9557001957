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
}

/** An outside input of a channel. */
export interface IngestOptions {
  readonly channel: string;
  /** Name of the input among those of the channel: `main`, `backup`. */
  readonly input: string;
  /** Inputs that carry the same capture have the same source name, and then the same packet identities. */
  readonly sourceName: string;
  readonly tracks: readonly IngestTrack[];
  /** IP addresses that packets are taken from. */
  readonly trusted: readonly string[];
  /** Address to bind. */
  readonly host: string;
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
}
