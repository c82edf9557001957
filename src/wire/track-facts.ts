import { z } from "zod";

/** Code points of ITU-T H.273: 1 1 1 is the colour of HD television, 9 16 9 and 9 18 9 are that of HDR. */
export interface TrackColour {
  /** u8, ColourPrimaries. */
  readonly primaries: number;
  /** u8, TransferCharacteristics. */
  readonly transfer: number;
  /** u8, MatrixCoefficients. */
  readonly matrix: number;
  readonly fullRange: boolean;
}

/**
 * How a track is to be shown, and what it is called, where its source says so and its codec's parameters do not. All of
 * it is optional, and absent where nothing is known or nothing is unusual.
 */
export interface TrackFacts {
  /** Degrees by which a picture must be turned clockwise to be upright. Absent: 0. */
  readonly rotation?: 90 | 180 | 270 | undefined;
  /** Whether a picture must be flipped about its vertical axis after it was turned. Absent: no. */
  readonly mirrored?: true | undefined;
  /**
   * Width to height of a pixel before it is turned, 1..65535 each: `[16, 11]`. Absent: square, or what the codec says.
   */
  readonly pixelAspect?: readonly [number, number] | undefined;
  /** Absent: what the codec says. */
  readonly colour?: TrackColour | undefined;
  /** BCP 47: `de`, `pt-BR`. */
  readonly language?: string | undefined;
  /** For people, at most {@link TITLE_CHARACTERS_MAX} characters. */
  readonly title?: string | undefined;
}

/** Most characters of a track's title, UTF-16. */
export const TITLE_CHARACTERS_MAX = 200;
const u8 = z.number().int().min(0).max(255);
const pixels = z.number().int().min(1).max(65_535);
const LANGUAGE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/;

/** Whether a text has the form of a language (BCP 47). */
export function isLanguage(text: string): boolean {
  return LANGUAGE.test(text);
}

/** The fields of {@link TrackFacts}, for the schemas that have them. */
export const trackFactsShape = {
  rotation: z.union([z.literal(90), z.literal(180), z.literal(270)]).optional(),
  mirrored: z.literal(true).optional(),
  pixelAspect: z.tuple([pixels, pixels]).optional(),
  colour: z.object({ primaries: u8, transfer: u8, matrix: u8, fullRange: z.boolean() }).optional(),
  language: z.string().max(64).optional(),
  title: z.string().max(TITLE_CHARACTERS_MAX).optional(),
};

/** The facts among the fields of a track, without those that are absent. */
export function trackFactsOf(track: TrackFacts): TrackFacts {
  const { colour, language, mirrored, pixelAspect, rotation, title } = track;
  return {
    ...(rotation === undefined ? {} : { rotation }),
    ...(mirrored === undefined ? {} : { mirrored }),
    ...(pixelAspect === undefined ? {} : { pixelAspect }),
    ...(colour === undefined ? {} : { colour }),
    ...(language === undefined ? {} : { language }),
    ...(title === undefined ? {} : { title }),
  };
}
