import { SelfDelivery } from "../../host/index.ts";
import type { FrameNetwork, SiteInstance } from "../../stream/index.ts";
import type { SiteThread } from "../streams/timed-steps.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { SimSite } from "./sim-site.ts";
import type { World } from "./world.ts";

type TakeFrames = (from: SiteInstance, bytes: Uint8Array) => void;

/** What the kernel of one process of a simulated site sends and gets: each frame takes the time of its steps. */
export class SiteFrames implements FrameNetwork {
  readonly #world: World;
  readonly #site: SimSite;
  readonly #process: ProcessClock;
  readonly #carried: FrameNetwork;
  #take: TakeFrames = () => {};

  constructor(world: World, site: SimSite, thread: SiteThread) {
    const { process, siteInstance } = site;
    this.#world = world;
    this.#site = site;
    this.#process = process;
    this.#carried = new SelfDelivery(
      {
        maxFrameBytes: () => world.frameBytes,
        send: (to, frame) => {
          const ms = site.msOf("send");
          if (thread.isIdle(ms)) world.carry(site, to, frame);
          else thread.run("send", ms, () => world.carry(site, to, frame));
        },
        onFrames: (handler) => {
          this.#take = (from, bytes) => {
            const ms = site.msOf("receive");
            if (thread.isIdle(ms)) handler(from, bytes);
            else thread.run("receive", ms, () => handler(from, bytes));
          };
        },
      },
      siteInstance,
      (task) => void process.after("soon", 0, task),
    );
  }

  maxFrameBytes(): number {
    return this.#world.frameBytes;
  }

  send(to: SiteInstance, frame: Uint8Array): void {
    if (this.#process.isDead) return;
    this.#world.invariants.frameSent(this.#site, to, frame);
    this.#carried.send(to, frame);
  }

  onFrames(handler: TakeFrames): void {
    this.#carried.onFrames((from, frame) =>
      this.#world.invariants.frameArrives(this.#site, from, frame, () => handler(from, frame)),
    );
  }

  /** Frames of another site arrive. */
  take(from: SiteInstance, bytes: Uint8Array): void {
    if (this.#process.isRunning) this.#take(from, bytes);
    else this.#process.hold(() => this.#take(from, bytes));
  }
}
