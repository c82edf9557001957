import type { InputTrack } from "mediabunny";
import { isLanguage, type TrackFacts, titleLine } from "../../wire/index.ts";
import { colourOf, pixelAspectOf } from "./container-facts.ts";

/** "Undetermined" (ISO 639-2). */
const NO_LANGUAGE = "und";

/** What a file states of a track besides its codec. */
export async function factsOfTrack(track: InputTrack): Promise<TrackFacts> {
  const language = await track.getLanguageCode();
  const title = titleLine((await track.getName()) ?? undefined);
  const named = {
    ...(language === NO_LANGUAGE || !isLanguage(language) ? {} : { language }),
    ...(title === undefined ? {} : { title }),
  };
  if (!track.isVideoTrack()) return named;
  const rotation = await track.getRotation();
  const isMirrored = await track.getFlip();
  const size = { width: await track.getCodedWidth(), height: await track.getCodedHeight() };
  const pixelAspect = pixelAspectOf(await track.getPixelAspectRatio(), size);
  const colour = colourOf(await track.getColorSpace());
  return {
    ...(rotation === 0 ? {} : { rotation }),
    ...(isMirrored ? { mirrored: true as const } : {}),
    ...(pixelAspect === undefined ? {} : { pixelAspect }),
    ...(colour === undefined ? {} : { colour }),
    ...named,
  };
}
