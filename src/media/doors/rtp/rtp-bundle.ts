import type { Bundle } from "../../../reflector/index.ts";
import type { DatagramGroup, DatagramSocket, OnMissed, Remote } from "../../../transport/index.ts";
import { KIND, kindOf, mediumOf, payloadOf } from "../../../wire/index.ts";

/** Live receivers of one medium. */
export interface MediumReceivers {
  /** Packets sent to the receivers of the time, and their bytes, including Meander's header. */
  readonly packets: number;
  readonly bytes: number;
  add(remote: Remote, onMissed: OnMissed): void;
  delete(remote: Remote): void;
}

/** All live plain RTP receivers of one channel over one socket: a packet is sent to those of its medium in one call. */
export class RtpBundle implements Bundle {
  readonly #socket: DatagramSocket;
  /** By medium. */
  readonly #receivers: (GroupReceivers | undefined)[] = [];

  constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  send(packet: Uint8Array): number {
    if (kindOf(packet) !== KIND.rtp) return 0;
    return this.#receivers[mediumOf(packet)]?.send(packet) ?? 0;
  }

  /** The receivers of a medium (u8). */
  receiversOf(medium: number): MediumReceivers {
    let receivers = this.#receivers[medium];
    if (receivers === undefined) {
      receivers = new GroupReceivers(this.#socket.openGroup());
      this.#receivers[medium] = receivers;
    }
    return receivers;
  }

  close(): void {
    for (const receivers of this.#receivers) receivers?.close();
    this.#receivers.length = 0;
  }
}

class GroupReceivers implements MediumReceivers {
  packets = 0;
  bytes = 0;
  readonly #group: DatagramGroup;

  constructor(group: DatagramGroup) {
    this.#group = group;
  }

  add(remote: Remote, onMissed: OnMissed): void {
    this.#group.add(remote, onMissed);
  }

  delete(remote: Remote): void {
    this.#group.delete(remote);
  }

  /** Sends a packet to all. @returns to how many */
  send(packet: Uint8Array): number {
    this.packets++;
    this.bytes += packet.byteLength;
    this.#group.send(payloadOf(packet));
    return this.#group.size;
  }

  close(): void {
    this.#group.close();
  }
}
