import type { TrackFacts } from "../../../wire/index.ts";

/** One RTP track to receive. */
export interface IngestTrack {
  readonly kind: "audio" | "video" | "application";
  /** Encoding name, lower case. */
  readonly codec: string;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly channels?: number | undefined;
  readonly fmtp?: string | undefined;
  /** Passed on in the description. */
  readonly facts?: TrackFacts | undefined;
  /** UDP port for RTP; 0: any free even port. RTCP is received on the port after it and, muxed, on the port itself. */
  readonly port: number;
  /** IP address to bind for it instead of the input's: the description names one of the other family. */
  readonly address?: string | undefined;
  /** The group to receive it from; the port is the group's then. */
  readonly group?:
    | {
        /** IP address, multicast. */
        readonly address: string;
        /** The only senders to receive from; absent: those that the input trusts. */
        readonly sources?: readonly string[] | undefined;
      }
    | undefined;
}

/** An input that receives plain RTP over UDP. */
export interface RtpIngestOptions {
  readonly door: "rtp";
  readonly channel: string;
  /** Name of the input among those of the channel: `main`, `backup`. */
  readonly input: string;
  /** Inputs that carry the same capture have the same source name, and then the same packet identities. */
  readonly sourceName: string;
  readonly tracks: readonly IngestTrack[];
  /** IP addresses to accept packets from; `first`: for each track the first sender, until it has been silent. */
  readonly trusted: readonly string[] | "first";
  /** Address to bind. */
  readonly host: string;
  /** Name or address of the interface on which groups are joined; absent: the system chooses. */
  readonly interface?: string | undefined;
  /** Ports that are assigned, both included; absent: any that the system has. */
  readonly assignedPorts?: { readonly from: number; readonly to: number } | undefined;
}

/** A plain RTP receiver outside. */
export interface RtpOutputOptions {
  readonly channel: string;
  readonly host: string;
  /** One per track wanted; RTCP is sent to the port after it. */
  readonly tracks: readonly { readonly medium: number; readonly port: number }[];
  /** For a host that is a group. */
  readonly multicast?: OutputMulticast | undefined;
}

/** How an output sends to a group. */
export interface OutputMulticast {
  /** Time to live, 1..255; absent: 1, so datagrams stay in the network. */
  readonly ttl?: number | undefined;
  /** Name or address of the interface; absent: the system chooses. */
  readonly interface?: string | undefined;
}
