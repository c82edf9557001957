/**
 * What a player measured: `<meander-player>.stats`. Counts start when it first connects. The file imports nothing:
 * programs that bundle the player compile against it.
 */
export interface PlayerStats {
  /** Type of the state: `connecting`, `live`, `stalled`, `lost`, `refused`, … */
  readonly state: string;
  readonly framesDecoded: number;
  readonly framesPresented: number;
  /**
   * Frames that were incomplete, could not be decoded, or were too late to be shown. Those before the picture is live
   * do not count.
   */
  readonly framesDropped: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  /** Packets that were lost for good. */
  readonly packetsLost: number;
  /** Packets that arrived again and were dropped. */
  readonly packetsRepeated: number;
  /** How often the channel continued over another connection. */
  readonly resumes: number;
  /** From entering the network to being shown, ms, smoothed over a few frames; undefined until known. */
  readonly latencyMs: number | undefined;
  /** Interarrival jitter (RFC 3550), ms. */
  readonly jitterMs: number;
  /** Current delay that absorbs jitter, ms. */
  readonly delayMs: number;
  /**
   * Gaps between pictures longer than three frame intervals and 150 ms; not the one at the start while the browser
   * opens its audio output.
   */
  readonly freezes: number;
  /** Longest time between two pictures, ms. */
  readonly longestFreezeMs: number;
  /** By how much the picture is behind its sound, ms; undefined without both. */
  readonly avSkewMs: number | undefined;
  /** Sites that the channel passes, from the ingest to the site watched. */
  readonly path: readonly string[];
  /** Round trip to the site watched, ms. */
  readonly rttMs: number | undefined;
  /** Root mean square of the sound now, 0..1, before muting; 0 while the browser holds sound back. */
  readonly audioLevel: number;
  /** From connecting to the first picture, ms; undefined before. */
  readonly firstPictureMs: number | undefined;
  /** Pictures per second, over two seconds. */
  readonly frameRate: number;
  /** Over two seconds, media and headers. */
  readonly bitsPerSecond: number;
  /** Codec as WebCodecs names it: `avc1.42e01f`; empty until known. */
  readonly videoCodec: string;
  readonly audioCodec: string;
  /** Size of the picture in pixels; 0 before the first. */
  readonly width: number;
  readonly height: number;
  /**
   * For how long frames have come of which none can be shown, because the channel sends no key frame, ms; undefined
   * while they can, or none come.
   */
  readonly keylessMs: number | undefined;
  /** For how long the channel has not arrived at the site watched, ms; undefined while it does. */
  readonly stalledMs: number | undefined;
  /** How often a decoder failed and was started again. */
  readonly decodeErrors: number;
}

/** Of a player that never connected. */
export const NO_STATS: PlayerStats = {
  state: "idle",
  framesDecoded: 0,
  framesPresented: 0,
  framesDropped: 0,
  packetsReceived: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsRepeated: 0,
  resumes: 0,
  latencyMs: undefined,
  jitterMs: 0,
  delayMs: 0,
  freezes: 0,
  longestFreezeMs: 0,
  avSkewMs: undefined,
  path: [],
  rttMs: undefined,
  audioLevel: 0,
  firstPictureMs: undefined,
  frameRate: 0,
  bitsPerSecond: 0,
  videoCodec: "",
  audioCodec: "",
  width: 0,
  height: 0,
  keylessMs: undefined,
  stalledMs: undefined,
  decodeErrors: 0,
};
