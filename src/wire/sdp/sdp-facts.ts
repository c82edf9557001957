/** The facts of a track as lines of an SDP: `i=` and `a=lang` (RFC 8866), and one attribute of our own for pictures. */
import { isLanguage, TITLE_CHARACTERS_MAX, type TrackFacts } from "../track-facts.ts";

/**
 * `a=x-meander-picture:rotation=90;mirrored;pixel-aspect=16:11;colour=9,16,9,limited`: SDP has no attribute of its own
 * for these. Receivers that do not know it pass over it.
 */
const PICTURE = "a=x-meander-picture:";
const LANG = "a=lang:";

/**
 * The facts that the section of a track, and for its language the whole session, states. What cannot be read is passed
 * over: it concerns how a track is shown, not whether it can be.
 *
 * @param lines trimmed
 * @param section index of its `m=` line
 */
export function factsOfSection(lines: readonly string[], section: number): TrackFacts {
  let at = -1;
  let sessionLanguage: string | undefined;
  let facts: TrackFacts = {};
  for (const line of lines) {
    if (line.startsWith("m=")) at++;
    const language = line.startsWith(LANG) ? line.slice(LANG.length).trim() : undefined;
    if (at === -1 && language !== undefined) sessionLanguage ??= language;
    if (at !== section) continue;
    if (language !== undefined) facts = { language, ...facts };
    if (line.startsWith("i=")) facts = { ...facts, ...titleOf(line.slice(2)) };
    if (line.startsWith(PICTURE)) facts = { ...facts, ...pictureOf(line.slice(PICTURE.length)) };
  }
  const { language = sessionLanguage, ...rest } = facts;
  return { ...rest, ...(language !== undefined && isLanguage(language) ? { language } : {}) };
}

/** The values of `a=` lines that state the facts of a track. */
export function factAttributes(facts: TrackFacts): string[] {
  const { colour, language, mirrored, pixelAspect, rotation } = facts;
  const range = colour?.fullRange === true ? "full" : "limited";
  const picture = [
    rotation === undefined ? "" : `rotation=${rotation}`,
    mirrored === undefined ? "" : "mirrored",
    pixelAspect === undefined ? "" : `pixel-aspect=${pixelAspect.join(":")}`,
    colour && `colour=${colour.primaries},${colour.transfer},${colour.matrix},${range}`,
  ].filter(Boolean);
  return [
    ...(language === undefined ? [] : [`lang:${language}`]),
    ...(picture.length === 0 ? [] : [`${PICTURE.slice(2)}${picture.join(";")}`]),
  ];
}

/** A title in one line, without control characters; undefined: nothing is left. */
export function titleLine(title: string | undefined): string | undefined {
  const line = title?.replace(/[\p{Cc}\s]+/gu, " ").trim();
  // Cut by code points, so that none is cut in two.
  return line ? [...line].slice(0, TITLE_CHARACTERS_MAX / 2).join("") : undefined;
}

function titleOf(text: string): TrackFacts {
  const title = titleLine(text);
  return title === undefined ? {} : { title };
}

function pictureOf(text: string): TrackFacts {
  const values = new Map(
    text.split(";").map((pair): [string, string] => {
      const [name = "", value = ""] = pair.trim().split("=");
      return [name, value];
    }),
  );
  const turned = Number(values.get("rotation"));
  const rotation = ([90, 180, 270] as const).find((each) => each === turned);
  const [, wide, high] = /^(\d{1,5}):(\d{1,5})$/.exec(values.get("pixel-aspect") ?? "") ?? [];
  const aspect = [Number(wide), Number(high)] as const;
  const isAspect = aspect.every((each) => each >= 1 && each <= 65_535);
  const [, primaries, transfer, matrix, range] =
    /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(full|limited)$/.exec(values.get("colour") ?? "") ?? [];
  const codes = [Number(primaries), Number(transfer), Number(matrix)];
  const isColour = range !== undefined && codes.every((code) => code <= 255);
  return {
    ...(rotation === undefined ? {} : { rotation }),
    ...(values.has("mirrored") ? { mirrored: true } : {}),
    ...(isAspect ? { pixelAspect: aspect } : {}),
    ...(isColour
      ? {
          colour: {
            primaries: codes[0] as number,
            transfer: codes[1] as number,
            matrix: codes[2] as number,
            fullRange: range === "full",
          },
        }
      : {}),
  };
}
