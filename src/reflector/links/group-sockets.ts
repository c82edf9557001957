/** The multicast group of a link. */
export interface GroupAddress {
  readonly group: string;
  /** UDP port, 1..65535. */
  readonly port: number;
}

/** Sends packets to a group. */
export interface GroupOutput {
  /** The address that they are sent from. */
  readonly from: { readonly host: string; readonly port: number };
  /** Receivers derive the keys from it; undefined: packets are not sealed. */
  readonly salt: Uint8Array | undefined;
  /** True when its numbers are used up: another output has to be opened. */
  readonly isSpent: boolean;
  /** Sends one packet, which is retained. False: not sent. Never throws. */
  send(packet: Uint8Array): boolean;
  close(): void;
}

/** How a site sends to groups and receives from them, for links between sites. */
export interface GroupSockets {
  /**
   * @param about.towards address of a neighbour, `host:port`: the interface is the one that reaches it
   * @throws {MeanderError} `multicast-refused`, `interface-unknown`, `open-required`, `bind-failed`
   */
  openOutput(
    address: GroupAddress & {
      readonly ttl: number;
      readonly towards: string;
      readonly isSealed: boolean;
    },
  ): Promise<GroupOutput>;
  /**
   * @param address.from the only sender that is accepted, if packets are not sealed
   * @param onPackets gets one or more whole packets, and owns them
   * @param onDrop gets the reason why a datagram was dropped
   * @throws {MeanderError} as `openOutput` does
   */
  openInput(
    address: GroupAddress & {
      readonly towards: string;
      readonly from: { readonly host: string; readonly port: number };
      readonly salt: Uint8Array | undefined;
    },
    onPackets: (bytes: Uint8Array) => void,
    onDrop: (reason: string) => void,
  ): Promise<{ close(): void }>;
}
