import type { Clock } from "../../base/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, type Track } from "../../wire/index.ts";

const FRAMES_PER_SECOND = 30;
const SOURCE = 7;
const PAYLOAD_BYTES = 800;

/** What a {@link VirtualCamera} is like. */
export interface VirtualCameraOptions {
  readonly clock: Clock;
  /** > 0 */
  readonly packetsPerFrame: number;
  /** Number of the first packet, u16. */
  readonly first: number;
  /** The source generation: one more with each start of one camera. */
  readonly generation?: number;
  /** Gets each packet, for a channel of that id. */
  readonly onPacket: (packet: (channelId: number) => Uint8Array) => void;
}

/** Films 30 frames per second, a key frame every second. */
export class VirtualCamera {
  /** Packets so far. */
  count = 0;
  readonly #options: VirtualCameraOptions;
  readonly #generation: number;
  #frame = 0;
  #sequence: number;
  #isStopped = false;

  /** Does nothing before `start`. */
  constructor(options: VirtualCameraOptions) {
    this.#options = options;
    this.#generation = options.generation ?? 0;
    this.#sequence = options.first;
  }

  /** What it films. */
  get tracks(): readonly Track[] {
    return [
      {
        ...{ medium: MEDIUM.video, kind: "video", source: SOURCE, generation: this.#generation },
        ...{ codec: "h264", payloadType: 96, clockRate: 90_000 },
      },
    ];
  }

  /** How a goodbye names it. */
  get source(): { readonly source: number; readonly generation: number; readonly medium: number } {
    return { source: SOURCE, generation: this.#generation, medium: MEDIUM.video };
  }

  start(): void {
    this.#tick();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #tick(): void {
    if (this.#isStopped) return;
    const { clock, packetsPerFrame, onPacket } = this.#options;
    clock.after("camera", 1_000 / FRAMES_PER_SECOND, () => this.#tick());
    const key = this.#frame++ % FRAMES_PER_SECOND === 0 ? FLAG.keyframe : 0;
    for (let index = 0; index < packetsPerFrame; index++) {
      const begin = index === 0 ? FLAG.begin : 0;
      const end = index === packetsPerFrame - 1 ? FLAG.end : 0;
      const head = {
        ...{ kind: KIND.rtp, flags: key | begin | end, source: SOURCE, medium: MEDIUM.video },
        ...{ sourceGeneration: this.#generation, sequence: this.#sequence },
      };
      onPacket((channel) => encodePacket({ ...head, channel }, new Uint8Array(PAYLOAD_BYTES)));
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.count++;
    }
  }
}
