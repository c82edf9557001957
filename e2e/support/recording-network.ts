import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import { demoClipPath } from "../../src/media/index.ts";
import { channelAt, Network, type SiteProcess } from "./network.ts";
import { endOf, meander, type Running } from "./processes.ts";
import { FFMPEG, FFPROBE, needs } from "./programs.ts";
import { until as untilWithin } from "./wait.ts";

/** Encoders, sites and recorders share a machine that may be small. */
const WITHIN_MS = 60_000;

/** For a test's `skip`. */
export const noFfmpeg = needs({ ffmpeg: FFMPEG, ffprobe: FFPROBE });

/** What a recorder prints at its end. */
interface RecordingEnd {
  readonly frames: number;
  readonly seconds: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** Sites, publishers and recorders for the tests of one file. */
export class RecordingNetwork {
  /** Everything started here; stopped after the last test. */
  readonly running: Running[] = [];
  #network: Network | undefined;
  #clip: Promise<string> | undefined;

  /**
   * Registers the hooks of the file that calls it.
   *
   * @param wanted whether the demo's clip is published as the channel `clip`
   * @param others sites beside `origin`, which leads, and where everything is published
   */
  static use(wanted: { readonly clip: boolean }, ...others: readonly string[]): RecordingNetwork {
    const recording = new RecordingNetwork();
    before(async () => {
      if (noFfmpeg !== false) return;
      recording.#network = await Network.open("origin", ...others);
      if (wanted.clip) await recording.#publishClip();
    });
    after(async () => {
      await Promise.all(recording.running.map((each) => each.stop()));
      await recording.#network?.[Symbol.asyncDispose]();
    });
    return recording;
  }

  private constructor() {}

  get network(): Network {
    return this.#network as Network;
  }

  get origin(): SiteProcess {
    return this.network.site("origin");
  }

  fileOf(name: string): string {
    return join(this.network.folder, name);
  }

  publish(channel: string, ...args: readonly string[]): Running {
    const site = ["--quiet", "--site", this.origin.url];
    const publisher = meander("publish", channel, ...args, ...site);
    this.running.push(publisher);
    return publisher;
  }

  record(channel: string, to: string, ...args: readonly string[]): Running {
    const url = args.includes("--site") ? [] : ["--site", this.origin.url];
    const recorder = meander("record", channel, "--to", this.fileOf(to), "--json", ...args, ...url);
    this.running.push(recorder);
    return recorder;
  }

  /** Whether a channel has so many tracks. */
  async isDescribed(channel: string, tracks: number): Promise<boolean> {
    return (await channelAt(this.origin, channel))?.description?.tracks.length === tracks;
  }

  /** A recording of four seconds of the clip, made at the first call. */
  clipRecording(): Promise<string> {
    this.#clip ??= ended(this.record("clip", "base.mp4", "--duration", "4s")).then(() => {
      return this.fileOf("base.mp4");
    });
    return this.#clip;
  }

  async #publishClip(): Promise<void> {
    this.publish("clip", "--file", demoClipPath(), "--loop");
    await until("the clip", () => this.isDescribed("clip", 2));
  }
}

export function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  return untilWithin(what, ask, WITHIN_MS);
}

/** Settles when a recorder has printed such a line. */
export async function told(recorder: Running, what: RegExp): Promise<void> {
  await until(`a line like ${what}`, () => {
    if (recorder.child.exitCode !== null) throw new Error(recorder.stderr());
    return recorder
      .stdout()
      .split("\n")
      .some((line) => what.test(line));
  });
}

/** What a recorder that ends well prints last. */
export async function ended(recorder: Running): Promise<RecordingEnd> {
  assert.equal(await endOf(recorder, WITHIN_MS), 0, recorder.stderr());
  const last = recorder.stdout().trim().split("\n").at(-1) ?? "";
  return JSON.parse(last) as RecordingEnd;
}
