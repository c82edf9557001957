import type { ChannelPublisher } from "../reflector/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM } from "../wire/index.ts";
import type { RelayWorld } from "./relay-world.ts";

/** Publishes 30 frames per second of `packetsPerFrame` packets, a key frame every second. */
export class WorldPublisher {
  /** Numbers published so far. */
  count = 0;
  readonly #publisher: ChannelPublisher;
  readonly #world: RelayWorld;
  readonly #packetsPerFrame: number;
  #frame = 0;
  #sequence: number;
  #stopped = false;

  constructor(
    world: RelayWorld,
    site: string,
    channel: string,
    packetsPerFrame = 3,
    first = 65_400,
  ) {
    this.#world = world;
    this.#packetsPerFrame = packetsPerFrame;
    this.#sequence = first;
    this.#publisher = world.site(site).openPublisher(channel);
    this.#publisher.describe([
      {
        medium: MEDIUM.video,
        kind: "video",
        source: 7,
        generation: 0,
        codec: "h264",
        payloadType: 96,
        clockRate: 90_000,
      },
    ]);
    this.#tick();
  }

  /** As a publisher that is gone without a word; its input stays. */
  stop(): void {
    this.#stopped = true;
  }

  /** Says goodbye, and closes the input. */
  end(): void {
    this.#stopped = true;
    this.#publisher.bye({ source: 7, generation: 0, medium: MEDIUM.video });
    this.#publisher.describe([]);
    this.#publisher.close();
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#world.clock.after("world publisher", 1000 / 30, () => this.#tick());
    const key = this.#frame++ % 30 === 0 ? FLAG.keyframe : 0;
    for (let index = 0; index < this.#packetsPerFrame; index++) {
      const begin = index === 0 ? FLAG.begin : 0;
      const end = index === this.#packetsPerFrame - 1 ? FLAG.end : 0;
      this.#publisher.publish(
        encodePacket(
          {
            kind: KIND.rtp,
            flags: key | begin | end,
            channel: this.#publisher.channelId,
            source: 7,
            medium: MEDIUM.video,
            sourceGeneration: 0,
            sequence: this.#sequence,
          },
          new Uint8Array(800),
        ),
      );
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.count++;
    }
  }
}
