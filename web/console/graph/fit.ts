import type { Place } from "./graph-layout.ts";

/** Width and height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Room that is kept free around the cards, in graph units. */
export interface Margin {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where everything is when it fits a box. */
export interface Fit {
  /** Centres of the cards in graph units, from the top left corner of the room. */
  readonly places: ReadonlyMap<string, Place>;
  /** Size of the room in graph units. */
  readonly room: Size;
  /** Pixels of one graph unit. */
  readonly scale: number;
}

/** Below this, text is too small to read; the view scrolls instead. */
const SCALE_MIN = 0.72;
const SCALE_MAX = 1.2;
/** How far cards move apart to use the room that is there. */
const SPREAD_MAX = 2;

/** Scales a layout to a box, and moves the cards apart where that fills it. @param box its height may be infinite */
export function fit(
  places: ReadonlyMap<string, Place>,
  box: Size,
  card: Size,
  margin: Margin,
): Fit {
  const xs = [...places.values()].map(({ x }) => x);
  const ys = [...places.values()].map(({ y }) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const extent = { width: Math.max(...xs) - left, height: Math.max(...ys) - top };
  if (places.size === 0) return { places, room: { width: 1, height: 1 }, scale: 1 };
  const around = {
    width: card.width + margin.left + margin.right,
    height: card.height + margin.top + margin.bottom,
  };
  const wanted = Math.min(
    box.width / (extent.width + around.width),
    box.height / (extent.height + around.height),
  );
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, wanted));
  const spreadX = spreadOf(extent.width, box.width / scale - around.width);
  const spreadY = spreadOf(extent.height, box.height / scale - around.height);
  const shift = { x: margin.left + card.width / 2, y: margin.top + card.height / 2 };
  return {
    scale,
    room: {
      width: extent.width * spreadX + around.width,
      height: extent.height * spreadY + around.height,
    },
    places: new Map(
      [...places].map(([name, { x, y }]) => [
        name,
        { x: shift.x + (x - left) * spreadX, y: shift.y + (y - top) * spreadY },
      ]),
    ),
  };
}

function spreadOf(extent: number, room: number): number {
  if (extent === 0 || !Number.isFinite(room)) return 1;
  return Math.min(SPREAD_MAX, Math.max(1, room / extent));
}
