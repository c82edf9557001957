import type { TopologyLink } from "../../../src/view/index.ts";
import type { Place } from "./graph-layout.ts";
import type { LinkCourse } from "./link-line.tsx";

/** Links that end at one side of a card stand this far apart. */
const PORT_GAP = 13;
/** Corners without links. */
const CORNER = 10;

/** Half the size of a card. */
export interface HalfCard {
  readonly width: number;
  readonly height: number;
}

/** Where each link leaves and reaches its cards, by the link's key; links on one side are spread in the order of their far ends. */
export function linkCourses(
  links: readonly TopologyLink[],
  places: ReadonlyMap<string, Place>,
  half: HalfCard,
): ReadonlyMap<string, LinkCourse> {
  const ends = new Map<string, { key: string; far: number }[]>();
  const drawn = links.flatMap((link) => {
    const [from, to] = [places.get(link.from), places.get(link.to)];
    return from === undefined || to === undefined ? [] : [{ link, from, to }];
  });
  const sides = drawn.map(({ link, from, to }) => {
    const across = to.x - from.x > half.width * 2;
    const down = to.y >= from.y;
    const side = across ? ["right", "left"] : down ? ["bottom", "top"] : ["top", "bottom"];
    return {
      link,
      from,
      to,
      across,
      out: `${link.from} ${side[0]}`,
      into: `${link.to} ${side[1]}`,
    };
  });
  for (const { link, from, to, across, out, into } of sides) {
    push(ends, out, { key: link.key, far: across ? to.y : to.x });
    push(ends, into, { key: link.key, far: across ? from.y : from.x });
  }
  return new Map(
    sides.map(({ link, from, to, across, out, into }): [string, LinkCourse] => {
      const room = 2 * ((across ? half.height : half.width) - CORNER);
      const [leave, reach] = [
        portOf(ends, out, link.key, room),
        portOf(ends, into, link.key, room),
      ];
      const sign = to.y >= from.y ? 1 : -1;
      return [
        link.key,
        across
          ? {
              course: "across",
              from: { x: from.x + half.width, y: from.y + leave },
              to: { x: to.x - half.width - 2, y: to.y + reach },
            }
          : {
              course: "along",
              from: { x: from.x + leave, y: from.y + sign * half.height },
              to: { x: to.x + reach, y: to.y - sign * (half.height + 2) },
            },
      ];
    }),
  );
}

function push(
  ends: Map<string, { key: string; far: number }[]>,
  side: string,
  end: { key: string; far: number },
): void {
  const all = ends.get(side) ?? [];
  all.push(end);
  ends.set(side, all);
}

function portOf(
  ends: ReadonlyMap<string, readonly { key: string; far: number }[]>,
  side: string,
  key: string,
  room: number,
): number {
  const sorted = [...(ends.get(side) ?? [])].sort(
    (left, right) => left.far - right.far || left.key.localeCompare(right.key),
  );
  const gap = Math.min(PORT_GAP, room / Math.max(1, sorted.length - 1));
  return (sorted.findIndex((end) => end.key === key) - (sorted.length - 1) / 2) * gap;
}
