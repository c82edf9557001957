import type { BundleMember } from "../../../reflector/index.ts";
import type { OnMissed, Remote } from "../../../transport/index.ts";
import type { MediumReceivers, RtpBundle } from "./rtp-bundle.ts";

/** One medium of an output, and what its receivers had been sent when the output entered. */
interface MemberMedium {
  readonly receivers: MediumReceivers;
  readonly remote: Remote;
  packets: number;
  bytes: number;
}

/** An output's membership in the bundle of its channel, with each medium that it wants. */
export class RtpBundleMember implements BundleMember {
  readonly bundle: RtpBundle;
  readonly #media: readonly MemberMedium[];
  readonly #onMissed: OnMissed;
  #isIn = false;
  #packetsBefore = 0;
  #bytesBefore = 0;

  /** @param onMissed called when a packet was not sent, or was refused */
  constructor(
    bundle: RtpBundle,
    destinations: readonly { readonly medium: number; readonly rtp: Remote }[],
    onMissed: OnMissed,
  ) {
    this.bundle = bundle;
    this.#onMissed = onMissed;
    this.#media = destinations.map(({ medium, rtp }) => {
      return { receivers: bundle.receiversOf(medium), remote: rtp, packets: 0, bytes: 0 };
    });
  }

  get packets(): number {
    let packets = this.#packetsBefore;
    if (this.#isIn)
      for (const each of this.#media) packets += each.receivers.packets - each.packets;
    return packets;
  }

  get bytes(): number {
    let bytes = this.#bytesBefore;
    if (this.#isIn) for (const each of this.#media) bytes += each.receivers.bytes - each.bytes;
    return bytes;
  }

  enter(): void {
    if (this.#isIn) return;
    this.#isIn = true;
    for (const each of this.#media) {
      each.packets = each.receivers.packets;
      each.bytes = each.receivers.bytes;
      each.receivers.add(each.remote, this.#onMissed);
    }
  }

  leave(): void {
    if (!this.#isIn) return;
    [this.#packetsBefore, this.#bytesBefore] = [this.packets, this.bytes];
    this.#isIn = false;
    for (const { receivers, remote } of this.#media) receivers.delete(remote);
  }
}
