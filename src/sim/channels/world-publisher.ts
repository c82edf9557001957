import type { ChannelPublisher } from "../../reflector/index.ts";
import type { RelayWorld } from "../relays/relay-world.ts";
import { VirtualCamera } from "./virtual-camera.ts";

/** Publishes what a camera films at a site of a {@link RelayWorld}. */
export class WorldPublisher {
  readonly #publisher: ChannelPublisher;
  readonly #camera: VirtualCamera;

  constructor(
    world: RelayWorld,
    site: string,
    channel: string,
    packetsPerFrame = 3,
    first = 65_400,
  ) {
    const publisher = world.site(site).openPublisher(channel);
    this.#publisher = publisher;
    this.#camera = new VirtualCamera({
      ...{ clock: world.clock, packetsPerFrame, first },
      onPacket: (packet) => publisher.publish(packet(publisher.channelId)),
    });
    publisher.describe(this.#camera.tracks);
    this.#camera.start();
  }

  /** Numbers published so far. */
  get count(): number {
    return this.#camera.count;
  }

  /** As a publisher that is gone without a word; its input stays. */
  stop(): void {
    this.#camera.stop();
  }

  /** Says goodbye, and closes the input. */
  end(): void {
    this.#camera.stop();
    this.#publisher.bye(this.#camera.source);
    this.#publisher.describe([]);
    this.#publisher.close();
  }
}
