/**
 * The frame counter in the picture of the demo's clip: a strip of square blocks at the top left, drawn by
 * `scripts/make-clip.sh`. A white and a black block for reference, then the bits of the frame number, most significant
 * first; white is 1. So a test can identify a frame by its picture.
 */
export const FRAME_COUNTER = {
  /** Width of the picture that the sizes below belong to. Scaled pictures have scaled blocks. */
  pictureWidth: 640,
  /** Side of a block. */
  blockPixels: 24,
  /** White, then black. */
  referenceBlocks: 2,
  bits: 16,
  /** Frames of the clip, after which the number starts again at 0. */
  frames: 300,
  framesPerSecond: 30,
} as const;

/** Difference in brightness, 0..255, below which the strip counts as absent. */
const CONTRAST_MIN = 96;
/** Range around the middle between black and white in which a block is neither, 0..1. */
const DOUBTFUL = 0.2;

/**
 * The number of the frame. Undefined when there is no such strip, or a block of it is ambiguous.
 *
 * @param pixels RGBA, rows from the top, at least the strip's rows; borrowed
 * @param width pixels of a row, >= 160
 */
export function readFrameCounter(
  pixels: Uint8ClampedArray | Uint8Array,
  width: number,
): number | undefined {
  const block = (FRAME_COUNTER.blockPixels * width) / FRAME_COUNTER.pictureWidth;
  if (block < 6 || pixels.length < width * 4 * Math.ceil(block)) return undefined;
  const white = brightnessAt(pixels, width, block, 0);
  const black = brightnessAt(pixels, width, block, 1);
  if (white - black < CONTRAST_MIN) return undefined;

  let value = 0;
  for (let bit = 0; bit < FRAME_COUNTER.bits; bit++) {
    const brightness = brightnessAt(pixels, width, block, FRAME_COUNTER.referenceBlocks + bit);
    const level = (brightness - black) / (white - black);
    if (Math.abs(level - 0.5) < DOUBTFUL) return undefined;
    value = value * 2 + (level > 0.5 ? 1 : 0);
  }
  return value;
}

/** Mean of the middle half of a block, 0..255: its edges suffer from scaling and from the codec. */
function brightnessAt(
  pixels: Uint8ClampedArray | Uint8Array,
  width: number,
  block: number,
  index: number,
): number {
  const left = Math.round((index + 0.25) * block);
  const right = Math.round((index + 0.75) * block);
  const top = Math.round(0.25 * block);
  const bottom = Math.round(0.75 * block);
  let sum = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = (y * width + x) * 4;
      sum += (pixels[at] ?? 0) + (pixels[at + 1] ?? 0) + (pixels[at + 2] ?? 0);
    }
  }
  return sum / (3 * (right - left) * (bottom - top));
}
