import {
  type Cancel,
  type Clock,
  every,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../../base/index.ts";
import { payloadTypeOf } from "./clip-description.ts";
import type { ClipReader } from "./clip-reader.ts";
import { clipSchedule, type ScheduledFrame } from "./clip-schedule.ts";
import { RtpSender } from "./rtp-sender.ts";

/** Frames read ahead, half a second, so that a slow disk does not matter. */
const READ_AHEAD = 40;
const REPORT_MS = 1_000;
/** If this late, the machine has slept: time starts over instead of catching up, ms. */
const LATE_MS_MAX = 1_000;

export interface FilePublisherOptions {
  /** Used, not owned. */
  readonly clip: Pick<ClipReader, "tracks" | "frames">;
  /** True: repeats without end, with continuous numbers and times. */
  readonly loop: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Sends one datagram of the track at `track`: RTP to its port, RTCP to the one after it. */
  send(track: number, what: "rtp" | "rtcp", bytes: Uint8Array): void;
}

/**
 * Publishes a clip in real time as RTP, with sender reports each second whose NTP times are common to all tracks, and a
 * goodbye at the end.
 */
export class FilePublisher {
  /** Settles when the clip has ended or `close` was called, or with why reading failed; never rejects. */
  readonly ended: Promise<MeanderError | undefined>;
  readonly #options: FilePublisherOptions;
  readonly #senders: readonly RtpSender[];
  readonly #cname: string;
  readonly #frames: AsyncGenerator<ScheduledFrame, void, void>;
  readonly #cancelReports: Cancel;
  #startedAt: number;
  #startedWall: number;
  #isClosed = false;
  #wake: (() => void) | undefined;
  #frameCount = 0;

  /** Starts at once. */
  constructor(options: FilePublisherOptions) {
    const { clip, clock, loop, random } = options;
    this.#options = options;
    this.#senders = clip.tracks.map((track) => {
      return new RtpSender({ ...track, payloadType: payloadTypeOf(track) }, random);
    });
    this.#cname = random.uint32().toString(16).padStart(8, "0");
    this.#frames = clipSchedule(clip, { loop });
    this.#startedAt = clock.now();
    this.#startedWall = clock.wall();
    this.#cancelReports = every(clock, "sender-reports", REPORT_MS, () => this.#report());
    this.ended = this.#run();
  }

  /** Frames sent, of all tracks. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** Sends a goodbye and stops. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelReports();
    this.#report("end");
    this.#wake?.();
  }

  async #run(): Promise<MeanderError | undefined> {
    const { clock, log } = this.#options;
    const read = (): Promise<ScheduledFrame | undefined> => {
      const frame = this.#read();
      // A failure is handled when the frame is due.
      frame.catch(() => {});
      return frame;
    };
    const ahead = Array.from({ length: READ_AHEAD }, read);
    let isFirst = true;
    try {
      for (;;) {
        const frame = await ahead.shift();
        ahead.push(read());
        if (frame === undefined || this.#isClosed) break;
        if (isFirst) {
          this.#start(frame.decode);
          isFirst = false;
        }
        const dueIn = this.#startedAt + frame.decode * 1000 - clock.now();
        if (dueIn > 0) await this.#wait(dueIn);
        else if (dueIn < -LATE_MS_MAX) this.#start(frame.decode);
        if (this.#isClosed) break;
        this.#send(frame);
      }
    } catch (error) {
      log.error("A clip could not be read any further.", { cause: messageOf(error) });
      if (error instanceof MeanderError) return error;
      return new MeanderError("clip-broken", `the file could not be read: ${messageOf(error)}`, {
        expected: "a whole file",
        cause: error,
      });
    } finally {
      this.close();
      await Promise.allSettled([...ahead, this.#frames.return()]);
    }
    return undefined;
  }

  /** Waits for `ms`, or until closed. */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after("next-frame", ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Reads one frame; undefined at the end. */
  async #read(): Promise<ScheduledFrame | undefined> {
    const { value } = await this.#frames.next();
    return value ?? undefined;
  }

  /** Sets the time `seconds` of the schedule to now. */
  #start(seconds: number): void {
    const { clock } = this.#options;
    this.#startedAt = clock.now() - seconds * 1000;
    this.#startedWall = clock.wall() - seconds * 1000;
    this.#report();
  }

  #send(frame: ScheduledFrame): void {
    this.#frameCount++;
    const packets = this.#senders[frame.track]?.packetsOf(frame) ?? [];
    for (const packet of packets) this.#options.send(frame.track, "rtp", packet);
  }

  #report(goodbye?: string): void {
    const seconds = (this.#options.clock.now() - this.#startedAt) / 1000;
    const at = { seconds, wallMs: this.#startedWall + seconds * 1000 };
    for (const [track, sender] of this.#senders.entries()) {
      this.#options.send(track, "rtcp", sender.report(at, this.#cname, goodbye));
    }
  }
}
