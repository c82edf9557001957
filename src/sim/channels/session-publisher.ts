import { MeanderError } from "../../base/index.ts";
import type { SimSite } from "../world/sim-site.ts";
import type { World } from "../world/world.ts";
import { VirtualCamera } from "./virtual-camera.ts";

/** Pause before a publisher whose site is not there tries again, ms. */
const AGAIN_MS = 100;

/**
 * A program beside a site that publishes a channel there, and again, with the next source generation, whenever the site
 * was replaced.
 */
export class SessionPublisher {
  readonly #world: World;
  readonly #site: SimSite;
  readonly #channel: string;
  readonly #packetsPerFrame: number;
  #generation = -1;
  #camera: VirtualCamera | undefined;
  #process: SimSite["process"] | undefined;
  /** The process that is being asked to take what it publishes. */
  #asked: SimSite["process"] | undefined;
  #isStopped = false;

  /** Begins at once. @param packetsPerFrame > 0 */
  constructor(world: World, site: SimSite, channel: string, packetsPerFrame = 1) {
    this.#world = world;
    this.#site = site;
    this.#channel = channel;
    this.#packetsPerFrame = packetsPerFrame;
    this.#look();
  }

  /** Whether the site takes what it publishes. */
  get isLive(): boolean {
    return this.#process?.isDead === false;
  }

  /** The source generation that it publishes, u8. */
  get generation(): number {
    return this.#generation & 0xff;
  }

  stop(): void {
    this.#isStopped = true;
    this.#camera?.stop();
  }

  #look(): void {
    if (this.#isStopped) return;
    this.#world.clock.after("publisher", AGAIN_MS, () => this.#look());
    // What a process that is killed was asked is never answered.
    const isAsking = this.#asked?.isDead === false;
    const { hasJoined, isLeaving } = this.#site;
    if (this.isLive || isAsking || !hasJoined || isLeaving) return;
    this.#camera?.stop();
    this.#world.run(() => this.#open());
  }

  async #open(): Promise<void> {
    const { session, process } = this.#site;
    this.#asked = process;
    try {
      const publisher = await session.ingest(this.#channel);
      if (process.isDead) return;
      const camera = new VirtualCamera({
        ...{ clock: this.#world.clock, packetsPerFrame: this.#packetsPerFrame, first: 0 },
        generation: ++this.#generation & 0xff,
        onPacket: (packet) => process.hold(() => publisher.publish(packet(publisher.channelId))),
      });
      this.#camera = camera;
      this.#process = process;
      publisher.describe(camera.tracks);
      camera.start();
    } catch (error) {
      // The leader is away; it is tried again.
      if (!(error instanceof MeanderError)) throw error;
    } finally {
      if (this.#asked === process) this.#asked = undefined;
    }
  }
}
