/** The facts of a track, as the library of media files names them, and back. */
import type { TrackColour, TrackFacts } from "../../wire/index.ts";

/** Names of code points (ITU-T H.273), those of the WebCodecs API, which the library knows. */
const PRIMARIES = { bt709: 1, bt470bg: 5, smpte170m: 6, bt2020: 9, smpte432: 12 } as const;
const TRANSFERS = {
  ...{ bt709: 1, smpte170m: 6, linear: 8, "iec61966-2-1": 13, pq: 16, hlg: 18 },
} as const;
const MATRICES = { rgb: 0, bt709: 1, bt470bg: 5, smpte170m: 6, "bt2020-ncl": 9 } as const;
/** "Unspecified", in all three. */
const UNSPECIFIED = 2;
const ASPECT_MAX = 65_535;

/** A colour space, as files and decoders name it. */
export interface NamedColourSpace {
  readonly primaries?: keyof typeof PRIMARIES;
  readonly transfer?: keyof typeof TRANSFERS;
  readonly matrix?: keyof typeof MATRICES;
  readonly fullRange?: boolean;
}

/** For a decoder configuration: the colour space, as far as it has names; empty: unknown. */
export function colourSpaceOf(colour: TrackColour | undefined): {
  readonly colorSpace?: NamedColourSpace;
} {
  if (colour === undefined) return {};
  const primaries = nameOf(PRIMARIES, colour.primaries);
  const transfer = nameOf(TRANSFERS, colour.transfer);
  const matrix = nameOf(MATRICES, colour.matrix);
  return {
    colorSpace: {
      ...(primaries === undefined ? {} : { primaries }),
      ...(transfer === undefined ? {} : { transfer }),
      ...(matrix === undefined ? {} : { matrix }),
      fullRange: colour.fullRange,
    },
  };
}

/** The colour that a file states; undefined: it states none. */
export function colourOf(space: {
  readonly primaries?: string | null | undefined;
  readonly transfer?: string | null | undefined;
  readonly matrix?: string | null | undefined;
  readonly fullRange?: boolean | null | undefined;
}): TrackColour | undefined {
  const primaries = codeOf(PRIMARIES, space.primaries);
  const transfer = codeOf(TRANSFERS, space.transfer);
  const matrix = codeOf(MATRICES, space.matrix);
  const isStated = [primaries, transfer, matrix].some((code) => code !== UNSPECIFIED);
  if (!isStated && space.fullRange !== true) return undefined;
  return { primaries, transfer, matrix, fullRange: space.fullRange === true };
}

/** For a decoder configuration: the shape of the picture before it is turned; empty where pixels are square. */
export function pixelShapeOf(
  aspect: TrackFacts["pixelAspect"],
  { width, height }: { readonly width: number; readonly height: number },
): { readonly displayAspectWidth?: number; readonly displayAspectHeight?: number } {
  if (aspect === undefined || aspect[0] === aspect[1]) return {};
  const wide = width * aspect[0];
  const high = height * aspect[1];
  const common = commonDivisor(wide, high);
  return { displayAspectWidth: wide / common, displayAspectHeight: high / common };
}

/**
 * The aspect of pixels that a file states; undefined: they are square, or it makes no sense. The library rounds the
 * picture to whole pixels, so this is the simplest aspect that leads to the same picture.
 *
 * @param size of the picture as it is coded, pixels
 */
export function pixelAspectOf(
  { num, den }: { readonly num: number; readonly den: number },
  size: { readonly width: number; readonly height: number },
): readonly [number, number] | undefined {
  const ratio = num / den;
  if (!Number.isFinite(ratio) || ratio <= 0 || ratio === 1) return undefined;
  const pixels = ratio > 1 ? size.width * ratio : size.height / ratio;
  for (let high = 1; high <= ASPECT_MAX; high++) {
    const wide = Math.round(ratio * high);
    if (wide > ASPECT_MAX) return undefined;
    const isSame = Math.abs(wide / high / ratio - 1) * pixels <= 0.5;
    if (wide >= 1 && isSame) return wide === high ? undefined : [wide, high];
  }
  return undefined;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The language's code of three letters (ISO 639-2), which files use; undefined: it has none. */
export function languageCodeOf(language: string | undefined): string | undefined {
  const primary = language?.split("-")[0]?.toLowerCase() ?? "";
  if (/^[a-z]{3}$/.test(primary)) return primary;
  if (!/^[a-z]{2}$/.test(primary)) return undefined;
  // There is no table of them, but that of the canonical, shorter, forms. They mostly begin alike.
  const first = primary[0] as string;
  for (const start of [first, ...LETTERS])
    for (const second of LETTERS)
      for (const third of LETTERS) {
        const code = `${start}${second}${third}`;
        if (Intl.getCanonicalLocales(code)[0] === primary) return code;
      }
  return undefined;
}

function nameOf<T extends Readonly<Record<string, number>>>(
  names: T,
  code: number,
): keyof T | undefined {
  return (Object.keys(names) as (keyof T)[]).find((name) => names[name] === code);
}

function codeOf(names: Readonly<Record<string, number>>, name: string | null | undefined): number {
  return names[name ?? ""] ?? UNSPECIFIED;
}

function commonDivisor(left: number, right: number): number {
  return right === 0 || !Number.isFinite(left + right)
    ? left || 1
    : commonDivisor(right, left % right);
}
