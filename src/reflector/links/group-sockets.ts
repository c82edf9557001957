/** A multicast group, as a link names it. */
export interface GroupAddress {
  readonly group: string;
  /** UDP port, 1..65535. */
  readonly port: number;
}

/** Packets on their way to a group. */
export interface GroupOutput {
  /** From where they come. */
  readonly from: { readonly host: string; readonly port: number };
  /** Receivers make the keys from it; undefined: nothing is sealed. */
  readonly salt: Uint8Array | undefined;
  /** True when it takes no more: another one has to be opened. */
  readonly isSpent: boolean;
  /** Sends one packet, borrowed for ever. False: not taken. Never throws. */
  send(packet: Uint8Array): boolean;
  close(): void;
}

/** How a site sends to groups and hears them, for links between sites. */
export interface GroupSockets {
  /**
   * @param about.towards address of a neighbour, `host:port`: it is sent where the way to that one leads
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
   * @param address.from the only sender that is heard, where nothing is sealed
   * @param onPackets gets whole packets, one or more, which belong to it
   * @param onDrop told why a datagram was not taken
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
