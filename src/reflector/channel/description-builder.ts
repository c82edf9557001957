import { type Clock, LIMITS, type Log } from "../../base/index.ts";
import type { Description, Track } from "../../wire/index.ts";

/** Bytes of a control message that are not the tracks of its description. */
const REST_BYTES = 1_024;

/** Makes descriptions of what is ingested at this site, each with a higher revision than the one before. [W31] */
export class DescriptionBuilder {
  readonly #options: {
    readonly channel: string;
    readonly site: string;
    readonly clock: Clock;
    readonly log: Log;
  };
  /** The tracks of the last description, as text. */
  #key = "";

  constructor(options: {
    readonly channel: string;
    readonly site: string;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#options = options;
  }

  /** A description of `tracks`; `current` itself where nothing changed. */
  build(tracks: readonly Track[], current: Description | undefined): Description {
    const key = JSON.stringify(tracks);
    if (key === this.#key && current !== undefined) return current;
    this.#key = key;
    // Revisions also rise across restarts of the site: they begin at the time of day, in seconds.
    const fresh = Math.floor(this.#options.clock.wall() / 1000) >>> 0;
    const revision = Math.max(fresh, (current?.revision ?? 0) + 1);
    return { revision, ingest: this.#options.site, tracks: this.#fitting(tracks, key) };
  }

  /** A description must fit a control message; parameter sets can be left out, since they are also sent in band. */
  #fitting(tracks: readonly Track[], text: string): readonly Track[] {
    if (text.length < LIMITS.controlBytesMax - REST_BYTES) return tracks;
    const { channel, log } = this.#options;
    log.warn("A description is too large; it is sent without parameter sets.", { channel });
    return tracks.map((track) => ({ ...track, parameterSets: undefined }));
  }
}
