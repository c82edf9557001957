import type { BundlePlace } from "../../../reflector/index.ts";
import type { OnMissed, Remote } from "../../../transport/index.ts";
import type { RtpBundle, RtpLane } from "./rtp-bundle.ts";

/** One medium of an output, and what its lane had passed on when the output entered. */
interface Seat {
  readonly lane: RtpLane;
  readonly remote: Remote;
  packets: number;
  bytes: number;
}

/** An output's place in the bundle of its channel: one seat for each medium that it takes. */
export class RtpPlace implements BundlePlace {
  readonly bundle: RtpBundle;
  readonly #seats: readonly Seat[];
  readonly #onMissed: OnMissed;
  #isIn = false;
  #packetsBefore = 0;
  #bytesBefore = 0;

  /** @param onMissed told when a packet did not leave, or was refused */
  constructor(
    bundle: RtpBundle,
    destinations: readonly { readonly medium: number; readonly rtp: Remote }[],
    onMissed: OnMissed,
  ) {
    this.bundle = bundle;
    this.#onMissed = onMissed;
    this.#seats = destinations.map(({ medium, rtp }) => {
      return { lane: bundle.lane(medium), remote: rtp, packets: 0, bytes: 0 };
    });
  }

  get packets(): number {
    let packets = this.#packetsBefore;
    if (this.#isIn) for (const seat of this.#seats) packets += seat.lane.packets - seat.packets;
    return packets;
  }

  get bytes(): number {
    let bytes = this.#bytesBefore;
    if (this.#isIn) for (const seat of this.#seats) bytes += seat.lane.bytes - seat.bytes;
    return bytes;
  }

  enter(): void {
    if (this.#isIn) return;
    this.#isIn = true;
    for (const seat of this.#seats) {
      seat.packets = seat.lane.packets;
      seat.bytes = seat.lane.bytes;
      seat.lane.add(seat.remote, this.#onMissed);
    }
  }

  leave(): void {
    if (!this.#isIn) return;
    [this.#packetsBefore, this.#bytesBefore] = [this.packets, this.bytes];
    this.#isIn = false;
    for (const { lane, remote } of this.#seats) lane.delete(remote);
  }
}
